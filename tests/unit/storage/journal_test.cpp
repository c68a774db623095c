// The journal as its callers see it: what was acknowledged is there, in order, in this life and the next.
#include "storage/journal/journal.h"

#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "tests/support/wait.h"
#include "tests/unit/storage/journal_fixture.h"

namespace hookspool::storage {
namespace {

TEST_F(JournalTest, AnEventComesBackAsItWas) {
  open();
  Event event = make_event("github", 1);
  event.body = std::string("\0\xff\x80 raw", 8);
  event.query.clear();
  event.headers = "{\"x\":\"\xc3\xa9\"}";
  const auto stored = journal_->append(event);
  ASSERT_TRUE(stored.ok()) << stored.error().text;
  EXPECT_EQ((*stored)->seq, 1u);
  EXPECT_EQ((*stored)->epoch, journal_->epoch());
  EXPECT_EQ((*stored)->id.bytes[6] >> 4, 7);

  const auto read = journal_->read("github", journal_->epoch(), 1, 10, 1000);
  ASSERT_TRUE(read.ok()) << read.error().text;
  ASSERT_EQ(read->size(), 1u);
  const StoredEvent& back = *read->front();
  EXPECT_EQ(back.id, (*stored)->id);
  EXPECT_EQ(back.seq, 1u);
  EXPECT_EQ(back.epoch, (*stored)->epoch);
  EXPECT_EQ(back.event.lane, event.lane);
  EXPECT_EQ(back.event.received_at_us, event.received_at_us);
  EXPECT_EQ(back.event.delivery_id, event.delivery_id);
  EXPECT_EQ(back.event.method, event.method);
  EXPECT_EQ(back.event.path, event.path);
  EXPECT_EQ(back.event.query, event.query);
  EXPECT_EQ(back.event.remote_addr, event.remote_addr);
  EXPECT_EQ(back.event.content_type, event.content_type);
  EXPECT_EQ(back.event.headers, event.headers);
  EXPECT_EQ(back.event.body, event.body);
}

TEST_F(JournalTest, ManyThreadsGetGapFreeNumbersAndShareCommits) {
  constexpr int kThreads = 12;
  constexpr int kEach = 40;
  std::atomic<int> committed = 0;
  options_.on_committed = [&](std::span<const EventPtr> events) {
    committed += static_cast<int>(events.size());
  };
  open();
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::map<Uuid, std::string> bodies_by_id;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const std::string lane = "lane-" + std::to_string(t % 3);
      std::uint64_t last_seq = 0;
      for (int n = 0; n < kEach; ++n) {
        const EventPtr stored = append(lane, t * 1000 + n);
        ASSERT_NE(stored, nullptr);
        EXPECT_GT(stored->seq, last_seq);
        last_seq = stored->seq;
        const std::lock_guard lock(mutex);
        EXPECT_TRUE(bodies_by_id.emplace(stored->id, stored->event.body).second);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(committed.load(), kThreads * kEach);
  EXPECT_EQ(journal_->lanes(), (std::vector<std::string>{"lane-0", "lane-1", "lane-2"}));
  std::size_t found = 0;
  for (const std::string& lane : journal_->lanes()) {
    const auto runs = journal_->runs(lane);
    ASSERT_EQ(runs.size(), 1u);
    EXPECT_EQ(runs[0].first_seq, 1u);
    EXPECT_EQ(runs[0].last_seq, static_cast<std::uint64_t>(kThreads / 3 * kEach));
    EXPECT_TRUE(runs[0].current);
    Uuid last;
    for (const EventPtr& event : read_all(lane)) {
      EXPECT_GT(event->id, last) << "ids grow along a lane";
      last = event->id;
      EXPECT_EQ(bodies_by_id.at(event->id), event->event.body);
      ++found;
    }
  }
  EXPECT_EQ(found, static_cast<std::size_t>(kThreads * kEach));
  const JournalStats stats = journal_->admin().stats();
  EXPECT_EQ(stats.events_appended, static_cast<std::uint64_t>(kThreads * kEach));
  EXPECT_EQ(stats.pending, stats.events_appended);
  EXPECT_LT(stats.commits, stats.events_appended / 2) << "events that wait together share a transaction";
  EXPECT_GT(stats.mean_commit_us, 0u);
}

TEST_F(JournalTest, EveryOpeningIsAnEpochOfItsOwnAndKeepsTheOlderOnes) {
  open();
  const std::string agent_id = journal_->agent_id();
  EXPECT_TRUE(Uuid::parse(agent_id).has_value());
  std::vector<Uuid> epochs;
  for (int life = 0; life < 4; ++life) {
    epochs.push_back(journal_->epoch());
    EXPECT_EQ(append("a", life * 2)->seq, 1u);
    EXPECT_EQ(append("a", life * 2 + 1)->seq, 2u);
    reopen();
    EXPECT_EQ(journal_->agent_id(), agent_id);
  }
  EXPECT_EQ(std::set<Uuid>(epochs.begin(), epochs.end()).size(), 4u);
  const auto runs = journal_->runs("a");
  ASSERT_EQ(runs.size(), 4u);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    EXPECT_EQ(runs[i].epoch, epochs[i]);
    EXPECT_FALSE(runs[i].current);
    EXPECT_EQ(runs[i].last_seq, 2u);
  }
  EXPECT_EQ(bodies("a"), expected_bodies("a", 0, 7));
  EXPECT_EQ(journal_->admin().stats().pending, 8u);
  EXPECT_TRUE(notes_.empty()) << notes_.front();
}

TEST_F(JournalTest, AGivenAgentIdIsTaken) {
  options_.agent_id = "edge-17";
  open();
  EXPECT_EQ(journal_->agent_id(), "edge-17");
  options_.agent_id.clear();
  reopen();
  EXPECT_NE(journal_->agent_id(), "edge-17");
}

TEST_F(JournalTest, AnUnreadableAgentIdIsNotReplaced) {
  open();
  close();
  write_file(options_.folder / "agent-id", "");
  const auto opened = Journal::open(options_);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().kind, JournalError::Kind::kCorrupt);
}

TEST_F(JournalTest, OpenedTwiceIsRefused) {
  open();
  const auto second = Journal::open(options_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().kind, JournalError::Kind::kLocked);
  EXPECT_NE(second.error().text.find(std::to_string(getpid())), std::string::npos) << second.error().text;
  append("a", 1);
  reopen();
  EXPECT_EQ(bodies("a"), expected_bodies("a", 1, 1));
}

TEST_F(JournalTest, IdsGrowOverRestartsWithTheClockSetBack) {
  open();
  Uuid last;
  for (int life = 0; life < 4; ++life) {
    Event event = make_event("a", life);
    event.received_at_us = kStartUs - life * 86'400'000'000;
    const auto stored = journal_->append(event);
    ASSERT_TRUE(stored.ok());
    EXPECT_GT((*stored)->id, last) << "life " << life;
    last = (*stored)->id;
    if (life >= 1) {  // nothing of the earlier ids is left in any segment
      confirm_all();
      ASSERT_TRUE(journal_->admin().rotate().ok());
      for (const SegmentInfo& segment : journal_->admin().segments())
        ASSERT_TRUE(journal_->admin().drop_segment(segment.number).ok());
      EXPECT_TRUE(journal_->admin().segments().empty());
    }
    if (life >= 2) {  // and the last life's segment holds no event
      journal_->confirm("a", journal_->epoch(), Position{0, Uuid{}}, true);
      ASSERT_TRUE(journal_->admin().save_cursors().ok());
    }
    reopen();
  }
}

TEST_F(JournalTest, IdsGrowEvenIfACrashFollowsTheDropOfTheLastSegment) {
  open();
  const EventPtr last = append("a", 1);
  confirm_all();
  ASSERT_TRUE(journal_->admin().rotate().ok());
  ASSERT_TRUE(journal_->admin().drop_segment(1).ok());
  const auto dead = folder_ / "dead";
  std::filesystem::copy(options_.folder, dead);
  close();
  options_.folder = dead;
  open();
  Event later = make_event("a", 2);
  later.received_at_us = kStartUs - 86'400'000'000;
  const auto next = journal_->append(later);
  ASSERT_TRUE(next.ok());
  EXPECT_GT((*next)->id, last->id);
}

TEST_F(JournalTest, AnEventPutBackKeepsItsIdAndDoesNotTurnTheIdsBack) {
  open();
  const EventPtr first = append("a", 1);
  const EventPtr last = append("a", 2);
  Event put_back = first->event;
  put_back.requeued_id = first->id;
  const auto stored = journal_->append(put_back);
  ASSERT_TRUE(stored.ok()) << stored.error().text;
  EXPECT_EQ((*stored)->id, first->id);
  EXPECT_EQ((*stored)->seq, 3u);
  reopen();
  const auto all = read_all("a");
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[2]->id, first->id);
  EXPECT_EQ(all[2]->event.requeued_id, first->id);
  EXPECT_TRUE(all[1]->event.requeued_id.is_nil());
  Event later = make_event("a", 3);
  later.received_at_us = kStartUs - 86'400'000'000;  // the clock was set back as well
  const auto next = journal_->append(later);
  ASSERT_TRUE(next.ok());
  EXPECT_GT((*next)->id, last->id);
}

TEST_F(JournalTest, AnEventFromTheQuarantineKeepsItsIdAndDoesNotTurnTheIdsBack) {
  open();
  const EventPtr last = append("a", 1);
  Event admitted = make_event("a", 2);
  admitted.quarantine_id = *Uuid::parse("018bcfe5-0000-7000-8000-000000000001");
  const auto stored = journal_->append(admitted);
  ASSERT_TRUE(stored.ok()) << stored.error().text;
  EXPECT_EQ((*stored)->id, admitted.quarantine_id);
  EXPECT_EQ((*stored)->seq, 2u);
  reopen();
  const auto all = read_all("a");
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[1]->id, admitted.quarantine_id);
  EXPECT_EQ(all[1]->event.quarantine_id, admitted.quarantine_id);
  EXPECT_TRUE(all[1]->event.requeued_id.is_nil())
      << "it is no dead letter, and goes to PostgreSQL as any event";
  Event later = make_event("a", 3);
  later.received_at_us = kStartUs - 86'400'000'000;  // the clock was set back as well
  const auto next = journal_->append(later);
  ASSERT_TRUE(next.ok());
  EXPECT_GT((*next)->id, last->id);
}

TEST_F(JournalTest, AnEpochCanBeLeft) {
  open();
  const Uuid first = journal_->epoch();
  ASSERT_TRUE(journal_->begin_epoch().ok()) << "before any event, too";
  const Uuid second = journal_->epoch();
  EXPECT_NE(second, first);
  append("a", 1);
  append("a", 2);
  ASSERT_TRUE(journal_->begin_epoch().ok());
  EXPECT_EQ(append("a", 3)->seq, 1u);
  EXPECT_NE(journal_->epoch(), second);
  const auto runs = journal_->runs("a");
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0].epoch, second);
  EXPECT_FALSE(runs[0].current);
  EXPECT_EQ(runs[1].epoch, journal_->epoch());
  EXPECT_TRUE(runs[1].current);
  reopen();
  EXPECT_EQ(bodies("a"), expected_bodies("a", 1, 3));
}

TEST_F(JournalTest, NotesAreKept) {
  open();
  EXPECT_FALSE(journal_->notes().read("sink")->has_value());
  ASSERT_TRUE(journal_->notes().write("sink", "first").ok());
  ASSERT_TRUE(journal_->notes().write("sink", "second").ok());
  reopen();
  EXPECT_EQ(journal_->notes().read("sink")->value(), "second");
}

TEST_F(JournalTest, ReadKeepsItsLimitsAndNamesWhatIsNotThere) {
  open();
  for (int n = 1; n <= 20; ++n) append("a", n, 1000);
  const Uuid epoch = journal_->epoch();
  EXPECT_EQ(journal_->read("a", epoch, 5, 3, 1 << 20)->size(), 3u);
  EXPECT_EQ(journal_->read("a", epoch, 5, 100, 3400)->size(), 2u);
  EXPECT_EQ(journal_->read("a", epoch, 5, 100, 1)->size(), 1u) << "at least one, whatever its size";
  EXPECT_EQ(journal_->read("a", epoch, 20, 100, 1 << 20)->size(), 1u);
  EXPECT_EQ(journal_->read("a", epoch, 21, 1, 1).error().kind, JournalError::Kind::kNotFound);
  EXPECT_EQ(journal_->read("a", epoch, 0, 1, 1).error().kind, JournalError::Kind::kNotFound);
  EXPECT_EQ(journal_->read("b", epoch, 1, 1, 1).error().kind, JournalError::Kind::kNotFound);
  EXPECT_EQ(journal_->read("a", Uuid{}, 1, 1, 1).error().kind, JournalError::Kind::kNotFound);
}

TEST_F(JournalTest, CursorsMoveForwardAndBackOnlyWhenTold) {
  open();
  for (int n = 1; n <= 10; ++n) append("a", n);
  const Uuid epoch = journal_->epoch();
  const auto confirmed = [&] { return journal_->runs("a").at(0).confirmed.seq; };
  const Uuid id = random_uuid(options_.random_bytes);
  journal_->confirm("a", epoch, Position{7, id});
  EXPECT_EQ(confirmed(), 7u);
  EXPECT_EQ(journal_->runs("a").at(0).confirmed.id, id);
  EXPECT_EQ(journal_->admin().stats().pending, 3u);
  journal_->confirm("a", epoch, Position{5, id});
  EXPECT_EQ(confirmed(), 7u);
  journal_->confirm("a", epoch, Position{5, id}, true);
  EXPECT_EQ(confirmed(), 5u);
  EXPECT_EQ(journal_->admin().stats().pending, 5u);
  journal_->confirm("a", epoch, Position{11, id});
  EXPECT_EQ(confirmed(), 5u) << "there is no 11 to confirm";
  journal_->confirm("nobody", epoch, Position{1, id});
}

TEST_F(JournalTest, CursorsAreKeptWithTheNextGroupOrWhenSaved) {
  open();
  append("a", 1);
  append("a", 2);
  const Uuid first = journal_->epoch();
  journal_->confirm("a", first, Position{1, Uuid{}});
  append("b", 1);  // its group takes the cursor along
  // As if the process had died: nothing is closed, the files are copied as they are.
  const auto dead = folder_ / "dead";
  std::filesystem::copy(options_.folder, dead);
  close();
  options_.folder = dead;
  open();
  EXPECT_EQ(journal_->runs("a").at(0).confirmed.seq, 1u);
  EXPECT_EQ(notes_.size(), 1u) << "it was not closed cleanly";

  const Uuid id = random_uuid(options_.random_bytes);
  journal_->confirm("a", first, Position{2, id});
  ASSERT_TRUE(journal_->admin().save_cursors().ok());
  std::filesystem::copy(options_.folder, folder_ / "dead again");
  close();
  options_.folder = folder_ / "dead again";
  open();
  EXPECT_EQ(journal_->runs("a").at(0).confirmed, (Position{2, id}));
  // The segment that held nothing but the cursor is gone; the cursor goes into the next one, and on from
  // there.
  append("a", 3);
  for (int life = 0; life < 3; ++life) {
    reopen();
    EXPECT_EQ(journal_->runs("a").at(0).confirmed, (Position{2, id}));
    append("c", life);
  }
}

TEST_F(JournalTest, SavingUnchangedCursorsWritesNothing) {
  open();
  append("a", 1);
  const std::uint64_t commits = journal_->admin().stats().commits;
  ASSERT_TRUE(journal_->admin().save_cursors().ok());
  EXPECT_EQ(journal_->admin().stats().commits, commits);
  journal_->confirm("a", journal_->epoch(), Position{1, Uuid{}});
  ASSERT_TRUE(journal_->admin().save_cursors().ok());
  EXPECT_EQ(journal_->admin().stats().commits, commits + 1);
}

TEST_F(JournalTest, OneLaneTooManyIsRefusedAlone) {
  options_.lanes_max = 2;
  open();
  append("a", 1);
  append("b", 1);
  EXPECT_EQ(append_fails("c", 1), JournalError::Kind::kTooManyLanes);
  append("a", 2);
  reopen();
  EXPECT_EQ(append_fails("c", 1), JournalError::Kind::kTooManyLanes) << "lanes with retained events count";
  append("b", 2);
  EXPECT_EQ(journal_->admin().stats().events_refused, 1u);
}

TEST_F(JournalTest, ClosingAnswersWhatWaits) {
  open();
  std::atomic<int> acknowledged = 0;
  std::atomic<int> closed = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int n = 0;; ++n) {
        const auto stored = journal_->append(make_event("lane-" + std::to_string(t), n));
        if (!stored.ok()) {
          closed += stored.error().kind == JournalError::Kind::kClosed ? 1 : 0;
          return;
        }
        ++acknowledged;
      }
    });
  }
  EXPECT_TRUE(testing::wait_until(std::chrono::seconds(30), [&] { return acknowledged > 50; }));
  EXPECT_TRUE(journal_->close().ok());
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(closed.load(), 8);
  journal_.reset();
  open();
  std::size_t found = 0;
  for (const std::string& lane : journal_->lanes()) found += read_all(lane).size();
  EXPECT_EQ(found, static_cast<std::size_t>(acknowledged.load()));
  EXPECT_TRUE(notes_.empty()) << notes_.front();
}

}  // namespace
}  // namespace hookspool::storage
