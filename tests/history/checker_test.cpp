// The checker itself, on the record of a real run in which the agent was killed, PostgreSQL was restarted and planted
// events were refused: the record is good, and each way of spoiling it is found and called by its right name.
#include "tests/history/checker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <stdexcept>

namespace hookspool::history {
namespace {

// The record is of a run before rows had numbers for consumers: each source's rows get them in their order.
Result numbered(Result result) {
  std::map<std::pair<std::string, std::string>, std::size_t> places;
  for (const Landed& row : result.rows) {
    const auto [place, is_new] = places.emplace(std::pair(row.agent_id, row.source), result.feeds.size());
    if (is_new) {
      result.feeds.push_back(
          {.feed = result.feeds.size() + 1, .agent_id = row.agent_id, .source = row.source, .arrival = 0});
    }
    Feed& feed = result.feeds[place->second];
    result.numbered.push_back({.id = row.id, .feed = feed.feed, .arrival = ++feed.arrival});
  }
  return result;
}

const Result& record() {
  static const Result kRecord =
      numbered(load(std::string(HOOKSPOOL_SOURCE_DIR) + "/tests/history/samples/record"));
  return kRecord;
}

template <class List, class Wanted>
auto& first(List& list, Wanted wanted) {
  const auto found = std::find_if(list.begin(), list.end(), wanted);
  if (found == list.end()) throw std::runtime_error("the record has none of these");
  return *found;
}

bool acknowledged(const Result& result, const Landed& row) {
  return std::any_of(result.sends.begin(), result.sends.end(),
                     [&](const Send& send) { return send.outcome == Outcome::kOk && send.id == row.id; });
}

// Two rows of one source and epoch that follow each other, neither at an end of its lane.
std::pair<Landed*, Landed*> neighbours(Result& result) {
  std::map<std::tuple<std::string, std::string, std::uint64_t>, Landed*> places;
  for (Landed& row : result.rows) places[{row.epoch, row.source, row.seq}] = &row;
  for (auto& [place, row] : places) {
    const auto& [epoch, source, seq] = place;
    const auto next = places.find({epoch, source, seq + 1});
    const Send& send = first(result.sends, [&](const Send& sent) { return sent.source == row->source; });
    if (seq > 1 && next != places.end() && send.in_order && acknowledged(result, *row) &&
        acknowledged(result, *next->second) && places.contains({epoch, source, seq + 2})) {
      return {row, next->second};
    }
  }
  throw std::runtime_error("the record has no neighbours");
}

void erase_row(Result& result, const std::string& id) {
  std::erase_if(result.rows, [&](const Landed& row) { return row.id == id; });
}

Watermark& watermark_of(Result& result, const Landed& row) {
  return first(result.watermarks,
               [&](const Watermark& mark) { return mark.epoch == row.epoch && mark.lane == row.source; });
}

Landed copy_above_the_watermark(Result& result, const Landed& row) {
  Landed copy = row;
  copy.id.back() = copy.id.back() == '0' ? '1' : '0';
  copy.seq = ++watermark_of(result, row).seq;
  watermark_of(result, row).event_id = copy.id;
  return copy;
}

struct Mutation {
  const char* name;
  const char* invariant;  // that must be named
  std::function<void(Result&)> apply;
};

using Mutations = std::vector<Mutation>;

const Mutations& of_rows_and_order() {
  static const Mutations kMutations = {
      {"a row is removed", "I1", [](Result& r) { erase_row(r, neighbours(r).first->id); }},
      {"the last row of a lane is removed, and the watermark with it", "I1",
       [](Result& r) {
         Watermark& mark = first(r.watermarks, [](const Watermark& m) { return m.seq > 3; });
         const Landed& last = first(r.rows, [&](const Landed& row) { return row.id == mark.event_id; });
         mark.seq -= 1;
         erase_row(r, last.id);
       }},
      {"a row is there twice", "I1",
       [](Result& r) {
         const Landed row = *neighbours(r).first;
         r.rows.push_back(row);
       }},
      {"an event is there under two ids", "I2",
       [](Result& r) {
         const Landed row = *neighbours(r).first;
         r.rows.push_back(copy_above_the_watermark(r, row));
       }},
      {"an unanswered event is there twice", "I2",
       [](Result& r) {
         const Landed row = *neighbours(r).first;
         Send& send = first(r.sends, [&](const Send& s) { return s.id == row.id; });
         send.outcome = Outcome::kUnknown;
         send.id.clear();
         r.rows.push_back(copy_above_the_watermark(r, row));
       }},
      {"two rows have each other's content", "I4",
       [](Result& r) {
         const auto [one, two] = neighbours(r);
         std::swap(one->digest, two->digest);
         std::swap(one->key, two->key);
         std::swap(one->header, two->header);
       }},
      {"two rows have each other's number", "I5",
       [](Result& r) {
         const auto [one, two] = neighbours(r);
         std::swap(one->seq, two->seq);
       }},
      {"two events were taken in the wrong order", "I5",
       [](Result& r) {
         const auto [one, two] = neighbours(r);
         Send& first_send = first(r.sends, [&](const Send& s) { return s.id == one->id; });
         Send& second_send = first(r.sends, [&](const Send& s) { return s.id == two->id; });
         std::swap(first_send.ordinal, second_send.ordinal);
       }},
  };
  return kMutations;
}

const Mutations& of_bytes_and_strangers() {
  static const Mutations kMutations = {
      {"one byte is another", "I4", [](Result& r) { neighbours(r).first->digest[7] ^= 1; }},
      {"a header is lost", "I4", [](Result& r) { neighbours(r).first->header.clear(); }},
      {"a watermark is one too high", "I6",
       [](Result& r) { watermark_of(r, *neighbours(r).first).seq += 1; }},
      {"a watermark is one too low", "I6", [](Result& r) { watermark_of(r, *neighbours(r).first).seq -= 1; }},
      {"a watermark is gone", "I6",
       [](Result& r) {
         const Landed row = *neighbours(r).first;
         std::erase_if(r.watermarks,
                       [&](const Watermark& m) { return m.epoch == row.epoch && m.lane == row.source; });
       }},
      {"a row that no client sent", "I3",
       [](Result& r) {
         Landed row = copy_above_the_watermark(r, *neighbours(r).first);
         row.key = row.header = "nobody-1";
         r.rows.push_back(row);
       }},
      {"what is no HTTP request is stored", "I3",
       [](Result& r) {
         const Landed& row = *neighbours(r).first;
         first(r.sends, [&](const Send& s) { return s.id == row.id; }).kind = Kind::kMalformed;
       }},
  };
  return kMutations;
}

const Mutations& of_numbers_and_time() {
  static const Mutations kMutations = {
      {"a dead letter is dropped", "I1",
       [](Result& r) {
         const Landed dead = first(r.dead_letters, [&](const Landed& d) { return acknowledged(r, d); });
         std::erase_if(r.dead_letters, [&](const Landed& d) { return d.id == dead.id; });
       }},
      {"a good event is a dead letter", "I8",
       [](Result& r) {
         const Landed row = *neighbours(r).first;
         erase_row(r, row.id);
         r.dead_letters.push_back(row);
       }},
      {"a good event was a dead letter for a while", "I8",
       [](Result& r) { r.ever_dead.push_back(*neighbours(r).first); }},
      {"a row has a number of its own beyond a hole", "I6",
       [](Result& r) { neighbours(r).second->seq += 1'000'000; }},
      {"one number is used twice", "I6",
       [](Result& r) {
         const auto [one, two] = neighbours(r);
         two->seq = one->seq;
       }},
      {"an epoch that had ended comes back", "I5",
       [](Result& r) {
         Landed* one = neighbours(r).first;
         one->epoch = "00000000-0000-4000-8000-000000000000";
       }},
      {"the journal has an event that was not delivered", "I7",
       [](Result& r) {
         Journaled event = r.journal.back();
         event.id.back() = event.id.back() == '0' ? '1' : '0';
         event.seq += 1;
         r.journal.push_back(event);
       }},
      {"a watermark went back", "I9",
       [](Result& r) {
         const std::int64_t at = r.samples.back().at_us;
         r.went_back.push_back(
             {.after_us = at, .at_us = at, .epoch = "e", .lane = "l", .from_seq = 7, .to_seq = 6});
       }},
      {"nothing was delivered for a while", "I10",
       [](Result& r) {
         const Sample last = r.samples.back();
         r.samples.push_back({.at_us = last.at_us + 11'500'000, .delivered = last.delivered + 1});
       }},
  };
  return kMutations;
}

// A delivery whose requests were all answered, as its first and its last one.
using Pair = std::pair<Send*, Send*>;
Pair repeated(Result& result, const std::function<bool(const Send&, const Send&)>& wanted) {
  std::map<std::string, Send*> firsts;
  for (Send& send : result.sends) {
    if (send.outcome != Outcome::kOk || send.kind != Kind::kGood) continue;
    const auto [first, is_first] = firsts.emplace(send.key(), &send);
    if (!is_first && wanted(*first->second, send)) return {first->second, &send};
  }
  throw std::runtime_error("the record has no such repeat");
}

bool later(const Send& first, const Send& second) {
  return second.life == first.life && second.sent_us > first.answered_us;
}
bool at_once(const Send& first, const Send& second) {
  return second.sent_us < first.answered_us && first.sent_us < second.answered_us;
}
bool in_another_life(const Send& first, const Send& second) {
  return second.life != first.life;
}

// The second request becomes an event of its own, and is answered so.
void split(Result& result, const Pair& pair) {
  const Landed row = first(result.rows, [&](const Landed& landed) { return landed.id == pair.first->id; });
  const Landed copy = copy_above_the_watermark(result, row);
  for (Send& send : result.sends) {
    if (send.key() == pair.second->key() && &send != pair.first) send.id = copy.id;
  }
  result.rows.push_back(copy);
}

const Mutations& of_repeats() {
  static const Mutations kMutations = {
      {"a later repeat is an event of its own", "I11", [](Result& r) { split(r, repeated(r, later)); }},
      {"a repeat at the same time is an event of its own", "I11",
       [](Result& r) { split(r, repeated(r, at_once)); }},
      {"a repeat in another life is an event of its own", "I11",
       [](Result& r) { split(r, repeated(r, in_another_life)); }},
      {"a repeat is answered with the id of another delivery", "I11",
       [](Result& r) {
         Send& send = *repeated(r, later).second;
         send.id = first(r.rows, [&](const Landed& row) { return row.key != send.key(); }).id;
       }},
      {"what was not answered is there, and its repeat as well", "I11",
       [](Result& r) {
         const Pair pair = repeated(r, in_another_life);
         split(r, pair);
         pair.first->outcome = Outcome::kUnknown;
         pair.first->id.clear();
       }},
  };
  return kMutations;
}

const Mutations& of_feeds() {
  static const Mutations kMutations = {
      {"a row has no number", "I12", [](Result& r) { r.numbered.front().feed = 0; }},
      {"a number is left out", "I12", [](Result& r) { r.numbered.erase(r.numbered.begin()); }},
      {"a number is there twice", "I12", [](Result& r) { r.numbered.push_back(r.numbered.front()); }},
      {"a counter is behind", "I12", [](Result& r) { r.feeds.front().arrival -= 1; }},
      {"a counter is ahead", "I12", [](Result& r) { r.feeds.front().arrival += 1; }},
      {"a feed is gone", "I12", [](Result& r) { r.feeds.erase(r.feeds.begin()); }},
      {"a source has two feeds", "I12", [](Result& r) { r.feeds[1].source = r.feeds[0].source; }},
  };
  return kMutations;
}

TEST(HistoryChecker, FindsNothingInAGoodRecord) {
  const Verdict verdict = check(record());
  std::cout << verdict.text() << '\n';
  EXPECT_TRUE(verdict.kept()) << verdict.text();
  EXPECT_GT(verdict.acknowledged, 100u);
  EXPECT_GT(verdict.dead_letters, 0u);
  EXPECT_GT(verdict.refused + verdict.unanswered, 0u);
  EXPECT_GT(verdict.repeats, 0u);
  EXPECT_GT(verdict.repeated_in_another_life, 0u);
}

// The exceptions are those of the promise, and each reaches no further than what it is about.
TEST(HistoryChecker, ExcusesOnlyWhatTheAgentCouldNotKnow) {
  Result result = record();
  const Pair pair = repeated(result, in_another_life);
  split(result, pair);
  const std::int64_t begin_us = pair.first->answered_us, end_us = pair.second->sent_us;
  ASSERT_LT(begin_us, end_us);
  const auto excused = [&](const std::function<void(Result&)>& excuse) {
    Result with = result;
    excuse(with);
    return !check(with).breaks("I11");
  };
  EXPECT_FALSE(excused([](Result&) {}));
  EXPECT_TRUE(excused([&](Result& r) { r.unindexed.push_back({begin_us, end_us, "dedupe: ..."}); }));
  EXPECT_FALSE(excused([&](Result& r) {
    r.unindexed.push_back({0, pair.first->sent_us - 1, "dedupe: ..."});
  }));
  const Fault older{.name = "an older journal",
                    .begin_us = begin_us,
                    .end_us = end_us,
                    .hits = 1,
                    .forgets_deliveries = true};
  EXPECT_TRUE(excused([&](Result& r) { r.faults.push_back(older); }));
  // Only what happened while the key had to be remembered counts, and that is from the moment the event was taken.
  Send recognised = *pair.second;
  recognised.id = pair.first->id;
  recognised.sent_us = recognised.answered_us = (begin_us + end_us) / 2;
  const Fault between{.name = "an older journal",
                      .begin_us = begin_us,
                      .end_us = recognised.sent_us - 1,
                      .hits = 1,
                      .forgets_deliveries = true};
  EXPECT_TRUE(excused([&](Result& r) {
    r.sends.push_back(recognised);
    r.faults.push_back(between);
  }));
}

TEST(HistoryChecker, FindsEveryMutation) {
  std::size_t tried = 0;
  for (const Mutations* list : {&of_rows_and_order(), &of_bytes_and_strangers(), &of_numbers_and_time(),
                                &of_repeats(), &of_feeds()}) {
    for (const Mutation& mutation : *list) {
      SCOPED_TRACE(mutation.name);
      Result result = record();
      mutation.apply(result);
      const Verdict verdict = check(result);
      EXPECT_TRUE(verdict.breaks(mutation.invariant)) << verdict.text();
      ++tried;
    }
  }
  std::cout << tried << " mutations tried\n";
  EXPECT_GE(tried, 10u);
}

TEST(HistoryChecker, ReadsWhatItWrote) {
  const std::filesystem::path file = std::filesystem::path(::testing::TempDir()) / "hookspool-history-record";
  save(record(), file);
  const Result again = load(file);
  std::filesystem::remove(file);
  EXPECT_EQ(again.sends.size(), record().sends.size());
  EXPECT_EQ(check(again).text(), check(record()).text());
}

}  // namespace
}  // namespace hookspool::history
