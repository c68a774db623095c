#include "tests/history/checker.h"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

namespace hookspool::history {
namespace {

constexpr std::size_t kExamplesMax = 6;  // of one invariant
constexpr std::int64_t kMicrosecondsInASecond = 1'000'000;
// From the last refusal by a changed table to the commit of its dead letter, on a loaded machine.
constexpr std::int64_t kBuryingMicrosecondsMax = 5 * kMicrosecondsInASecond;

using LaneKey = std::pair<std::string, std::string>;                // epoch, lane
using Place = std::tuple<std::string, std::string, std::uint64_t>;  // epoch, lane, number

std::string name_of(const Send& send) {
  return send.key() + " (request " + std::to_string(send.ordinal) + ")";
}
std::string name_of(const Landed& landed) {
  return landed.id + " (" + landed.key + ", epoch " + landed.epoch.substr(0, 8) + ", number " +
         std::to_string(landed.seq) + ")";
}
std::string name_of(const LaneKey& lane) {
  return lane.second + ", epoch " + lane.first.substr(0, 8);
}

class Check {
 public:
  explicit Check(const Result& result) : result_(result) {
    for (const Send& send : result.sends) {
      by_key_[send.key()].push_back(&send);
      by_source_[send.source].push_back(&send);
      if (send.outcome == Outcome::kOk) by_answered_id_.emplace(send.id, &send);
    }
    for (const auto* list : {&result.rows, &result.dead_letters}) {
      for (const Landed& landed : *list) all_.push_back(&landed);
    }
    std::sort(all_.begin(), all_.end(), [](const Landed* a, const Landed* b) {
      return std::tie(a->id, a->epoch, a->seq) < std::tie(b->id, b->epoch, b->seq);
    });
    for (const Landed* landed : all_) {
      by_id_[landed->id].push_back(landed);
      ids_by_key_[landed->key].insert(landed->id);
    }
    for (const Landed& dead : result.ever_dead) ever_dead_.insert(dead.id);
    for (const Journaled& event : result.journal) {
      if (event.again) again_.insert(event.id);
    }
  }

  Verdict run() {
    count();
    acknowledged_once();
    others_at_most_once();
    nothing_else();
    content();
    order();
    numbers();
    watermarks();
    journal();
    dead_letters();
    monotone();
    progress();
    return std::move(verdict_);
  }

 private:
  void violation(const char* invariant, std::string text) {
    ++verdict_.violations;
    if (++examples_[invariant] <= kExamplesMax) verdict_.examples.push_back({invariant, std::move(text)});
  }

  // Was refused by the table at some time, so that it may have been put back under a later number.
  bool was_dead(const std::string& id) const { return ever_dead_.contains(id) || again_.contains(id); }

  void count() {
    for (const Send& send : result_.sends) {
      verdict_.sent += 1;
      verdict_.acknowledged += send.outcome == Outcome::kOk ? 1u : 0u;
      verdict_.refused += send.outcome == Outcome::kFail ? 1u : 0u;
      verdict_.unanswered += send.outcome == Outcome::kUnknown ? 1u : 0u;
    }
    verdict_.rows = result_.rows.size();
    verdict_.dead_letters = result_.dead_letters.size();
    verdict_.journaled = result_.journal.size();
    verdict_.watermarks = result_.watermarks.size();
    for (const Landed& row : result_.rows) verdict_.put_back += was_dead(row.id) ? 1u : 0u;
  }

  void acknowledged_once() {
    for (const Send& send : result_.sends) {
      if (send.outcome != Outcome::kOk) continue;
      const auto found = by_id_.find(send.id);
      if (found == by_id_.end()) {
        violation("I1", "lost: " + name_of(send) + " was answered with id " + send.id + " in life " +
                            std::to_string(send.life));
      }
    }
    for (const auto& [id, landed] : by_id_) {
      if (landed.size() > 1) {
        violation("I1", "there " + std::to_string(landed.size()) + " times: " + name_of(*landed.front()));
      }
    }
  }

  void others_at_most_once() {
    for (const auto& [key, sends] : by_key_) {
      const auto there = ids_by_key_.find(key);
      if (there == ids_by_key_.end()) continue;
      std::uint64_t unclaimed = 0, without_promise = 0;
      for (const std::string& id : there->second) unclaimed += by_answered_id_.contains(id) ? 0u : 1u;
      for (const Send* send : sends) without_promise += send->outcome == Outcome::kOk ? 0u : 1u;
      verdict_.recovered += std::min(unclaimed, without_promise);
      if (unclaimed > without_promise) {
        violation("I2", key + ": " + std::to_string(unclaimed) + " rows that no answer named, for " +
                            std::to_string(without_promise) + " requests without a 2xx");
      }
    }
  }

  void nothing_else() {
    for (const Landed* landed : all_) {
      const auto found = by_key_.find(landed->key);
      if (found == by_key_.end()) {
        violation("I3", "nobody sent " + name_of(*landed));
      } else if (found->second.front()->kind == Kind::kMalformed) {
        violation("I3", "no HTTP request, and stored: " + name_of(*landed));
      }
    }
  }

  void content() {
    for (const Landed* landed : all_) {
      const auto found = by_key_.find(landed->key);
      if (found == by_key_.end()) continue;
      const Send& send = *found->second.front();
      if (landed->digest != send.digest) violation("I4", "other bytes than sent: " + name_of(*landed));
      if (landed->header != landed->key) {
        violation("I4", "header x-check is '" + landed->header + "': " + name_of(*landed));
      }
      if (landed->source != send.source)
        violation("I4", "of source " + landed->source + ": " + name_of(*landed));
      const auto answered = by_answered_id_.find(landed->id);
      if (answered != by_answered_id_.end() && answered->second->key() != landed->key) {
        violation("I4", name_of(*answered->second) + " was answered with the id of " + name_of(*landed));
      }
    }
  }

  // A request without an answer may be taken after later ones, but never before one that was answered before it.
  void order() {
    std::map<std::string, std::vector<const Landed*>> landed_by_source;
    for (const Landed* landed : all_) landed_by_source[landed->source].push_back(landed);
    for (const auto& [source, landed] : landed_by_source) {
      const auto sends = by_source_.find(source);
      if (sends == by_source_.end()) continue;
      if (sends->second.front()->in_order) order_of_requests(sends->second, landed);
      order_of_numbers(landed);
    }
  }

  void order_of_requests(std::vector<const Send*> sends, const std::vector<const Landed*>& landed) {
    std::sort(sends.begin(), sends.end(),
              [](const Send* a, const Send* b) { return a->ordinal < b->ordinal; });
    std::unordered_map<std::string, std::vector<const Landed*>> unanswered;  // by key, those no answer named
    for (const Landed* row : landed) {
      if (!by_answered_id_.contains(row->id)) unanswered[row->key].push_back(row);
    }
    std::string latest;
    const Send* latest_send = nullptr;
    const auto judge = [&](const Send& send, const std::string& id) {
      if (latest_send == nullptr || id > latest) return;
      violation("I5", name_of(send) + " has id " + id + ", below that of " + name_of(*latest_send));
    };
    std::set<std::string> keys;
    for (const Send* send : sends) {
      // A repeat is answered with the id of the event that is there already, and that may be an old one.
      const bool repeat = !keys.insert(send->key()).second;
      if (send->outcome == Outcome::kOk) {
        if (!repeat) judge(*send, send->id);
        if (send->id > latest) latest = send->id;
        latest_send = send;
        continue;
      }
      auto& rows = unanswered[send->key()];
      if (rows.empty()) continue;
      if (!repeat) judge(*send, rows.front()->id);
      rows.erase(rows.begin());
    }
  }

  // In the order of ids: numbers grow within an epoch, and an epoch that was left does not come back.
  void order_of_numbers(const std::vector<const Landed*>& landed) {
    std::set<std::string> left;
    const Landed* before = nullptr;
    for (const Landed* row : landed) {
      if (was_dead(row->id)) continue;
      if (before != nullptr && before->epoch != row->epoch) {
        left.insert(before->epoch);
        if (left.contains(row->epoch)) violation("I5", "its epoch had ended: " + name_of(*row));
      } else if (before != nullptr && row->seq <= before->seq) {
        violation("I5", "numbers and ids disagree: " + name_of(*row) + " after " + name_of(*before));
      }
      before = row;
    }
  }

  void numbers() {
    std::map<Place, const Landed*> places;
    for (const Landed* landed : all_) {
      const auto [there, first] = places.emplace(Place(landed->epoch, landed->source, landed->seq), landed);
      if (!first)
        violation("I6", "one number twice: " + name_of(*landed) + " and " + name_of(*there->second));
    }
  }

  // Numbers that are taken although no row bears them: dead letters that were put back under another one.
  std::map<LaneKey, std::set<std::uint64_t>> explained() const {
    std::map<LaneKey, std::set<std::uint64_t>> numbers;
    for (const Landed& dead : result_.ever_dead) {
      if (by_id_.contains(dead.id)) numbers[{dead.epoch, dead.source}].insert(dead.seq);
    }
    for (const Journaled& event : result_.journal) {
      if (event.again && by_id_.contains(event.id)) numbers[{event.epoch, event.lane}].insert(event.seq);
    }
    for (const Gap& gap : result_.gaps) {
      for (std::uint64_t seq = gap.first_seq; seq <= gap.last_seq; ++seq)
        numbers[{gap.epoch, gap.lane}].insert(seq);
    }
    return numbers;
  }

  void watermarks() {
    std::map<LaneKey, std::set<std::uint64_t>> taken = explained();
    std::map<LaneKey, std::map<std::uint64_t, std::string>> landed;
    for (const Landed* row : all_) {
      landed[{row->epoch, row->source}].emplace(row->seq, row->id);
      taken[{row->epoch, row->source}].insert(row->seq);
    }
    std::set<LaneKey> marked;
    for (const Watermark& mark : result_.watermarks) {
      const LaneKey lane(mark.epoch, mark.lane);
      marked.insert(lane);
      const std::set<std::uint64_t>& numbers = taken[lane];
      for (std::uint64_t seq = 1; seq <= mark.seq; ++seq) {
        if (numbers.contains(seq)) continue;
        violation("I6", "number " + std::to_string(seq) + " of " + name_of(lane) +
                            " is below the watermark " + std::to_string(mark.seq) + " and nowhere");
      }
      const auto& rows = landed[lane];
      if (!rows.empty() && rows.rbegin()->first > mark.seq) {
        violation("I6", "number " + std::to_string(rows.rbegin()->first) + " of " + name_of(lane) +
                            " is above the watermark " + std::to_string(mark.seq));
      }
      const auto there = rows.find(mark.seq);
      if (there != rows.end() && there->second != mark.event_id) {
        violation("I6",
                  "the watermark of " + name_of(lane) + " names another event than the row of its number");
      }
    }
    for (const auto& [lane, rows] : landed) {
      if (!rows.empty() && !marked.contains(lane))
        violation("I6", "rows without a watermark: " + name_of(lane));
    }
  }

  void journal() {
    std::map<LaneKey, std::uint64_t> last, marks;
    for (const Watermark& mark : result_.watermarks) marks[{mark.epoch, mark.lane}] = mark.seq;
    for (const Journaled& event : result_.journal) {
      std::uint64_t& highest = last[{event.epoch, event.lane}];
      highest = std::max(highest, event.seq);
      const auto found = by_id_.find(event.id);
      if (found == by_id_.end()) {
        violation("I7", "in the journal and not delivered: " + event.id + " of " + event.lane);
        continue;
      }
      const Landed& landed = *found->second.front();
      if (landed.digest != event.digest) violation("I7", "the journal has other bytes: " + name_of(landed));
      const bool same_place =
          landed.epoch == event.epoch && landed.seq == event.seq && landed.source == event.lane;
      if (!same_place && !was_dead(event.id)) {
        violation("I7", "the journal has it as number " + std::to_string(event.seq) + ": " + name_of(landed));
      }
    }
    for (const auto& [lane, seq] : last) {
      if (marks[lane] != seq) {
        violation("I7", "the journal's last number of " + name_of(lane) + " is " + std::to_string(seq) +
                            ", the watermark " + std::to_string(marks[lane]));
      }
    }
  }

  bool refused_by_a_changed_table(const Landed& dead) const {
    return std::any_of(result_.faults.begin(), result_.faults.end(), [&](const Fault& fault) {
      return fault.refuses_rows && dead.at_us >= fault.begin_us &&
             dead.at_us <= fault.end_us + kBuryingMicrosecondsMax;
    });
  }

  bool planted(const Landed& dead) const {
    const auto found = by_key_.find(dead.key);
    return found != by_key_.end() && found->second.front()->kind == Kind::kPoison;
  }

  void dead_letters() {
    for (const Landed& dead : result_.dead_letters) {
      if (!planted(dead))
        violation("I8", "a good event is a dead letter: " + name_of(dead) + " " + dead.sqlstate);
    }
    std::map<std::string, std::uint64_t> by_lane;
    for (const Landed& dead : result_.ever_dead) {
      if (planted(dead)) continue;
      if (!refused_by_a_changed_table(dead)) {
        violation("I8", "a good event was a dead letter: " + name_of(dead) + " " + dead.sqlstate);
      } else if (++by_lane[dead.source] == kRefusedInARowMax * windows() + 1) {
        violation("I8", "a changed table made too many dead letters in lane " + dead.source);
      }
    }
    for (const Landed& row : result_.rows) {
      const auto found = by_key_.find(row.key);
      if (found != by_key_.end() && found->second.front()->kind == Kind::kPoison) {
        violation("I8", "the table took a planted event: " + name_of(row));
      }
    }
  }

  std::uint64_t windows() const {
    return static_cast<std::uint64_t>(std::count_if(result_.faults.begin(), result_.faults.end(),
                                                    [](const Fault& fault) { return fault.refuses_rows; }));
  }

  void monotone() {
    for (const WentBack& back : result_.went_back) {
      const bool logged = std::any_of(result_.faults.begin(), result_.faults.end(), [&](const Fault& fault) {
        return fault.loses_commits && back.at_us >= fault.begin_us && back.after_us <= fault.end_us;
      });
      if (!logged) {
        violation("I9", "the watermark of " + name_of(LaneKey(back.epoch, back.lane)) + " went from " +
                            std::to_string(back.from_seq) + " to " + std::to_string(back.to_seq));
      }
    }
  }

  // A stretch without a delivery counts where more was delivered after it: then there was something to deliver.
  void progress() {
    const std::vector<Sample>& samples = result_.samples;
    if (samples.empty()) return;
    std::size_t since = 0;
    for (std::size_t i = 1; i < samples.size(); ++i) {
      if (broken_between(samples[since].at_us, samples[i].at_us)) {
        since = i;
        continue;
      }
      if (samples[i].delivered == samples[since].delivered) continue;
      const std::int64_t seconds = (samples[i].at_us - samples[since].at_us) / kMicrosecondsInASecond;
      if (seconds > kStallSecondsMax) {
        violation("I10",
                  "nothing was delivered for " + std::to_string(seconds) + " s although nothing was broken");
      }
      since = i;
    }
  }

  bool broken_between(std::int64_t begin_us, std::int64_t end_us) const {
    return std::any_of(result_.faults.begin(), result_.faults.end(), [&](const Fault& fault) {
      return fault.begin_us < end_us && fault.end_us > begin_us;
    });
  }

  const Result& result_;
  Verdict verdict_;
  std::map<std::string, std::size_t> examples_;
  std::vector<const Landed*> all_;  // rows and dead letters by id
  std::unordered_map<std::string, std::vector<const Send*>> by_key_, by_source_;
  std::unordered_map<std::string, const Send*> by_answered_id_;
  std::unordered_map<std::string, std::vector<const Landed*>> by_id_;
  std::unordered_map<std::string, std::set<std::string>> ids_by_key_;
  std::unordered_set<std::string> ever_dead_, again_;
};

}  // namespace

bool Verdict::breaks(const std::string& invariant) const {
  return std::any_of(examples.begin(), examples.end(),
                     [&](const Violation& violation) { return violation.invariant == invariant; });
}

std::string Verdict::text() const {
  std::ostringstream out;
  out << "sent " << sent << ", acknowledged " << acknowledged << ", refused " << refused << ", unanswered "
      << unanswered << " (" << recovered << " of those two recovered); rows " << rows << " (" << put_back
      << " put back), dead letters " << dead_letters << ", still in the journal " << journaled
      << ", watermarks " << watermarks << "; violations " << violations;
  for (const Violation& violation : examples) out << "\n  " << violation.invariant << " " << violation.text;
  return out.str();
}

Verdict check(const Result& result) {
  return Check(result).run();
}

}  // namespace hookspool::history
