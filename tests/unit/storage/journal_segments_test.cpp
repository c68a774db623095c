// Segments: when one is closed, when it may go, and what happens when there is no room.
#include <atomic>
#include <thread>

#include "tests/unit/storage/journal_fixture.h"

namespace hookspool::storage {
namespace {

TEST_F(JournalTest, ASegmentIsClosedBySizeAndReadingGoesOnAcrossThem) {
  options_.segment_bytes_max = 160 << 10;
  open();
  const Uuid epoch = journal_->epoch();
  for (int n = 1; n <= 200; ++n) append(n % 3 == 0 ? "b" : "a", n, 2000);
  const auto segments = journal_->admin().segments();
  EXPECT_GT(segments.size(), 4u);
  EXPECT_LT(segments.size(), 60u);
  std::uint64_t events = 0;
  for (const SegmentInfo& segment : segments) {
    EXPECT_EQ(segment.epoch, epoch) << "another segment is not another epoch";
    EXPECT_LT(segment.bytes, 2u * options_.segment_bytes_max);
    events += segment.events;
  }
  EXPECT_EQ(events, 200u);
  ASSERT_EQ(journal_->runs("a").size(), 1u) << "one run over all segments";
  EXPECT_EQ(journal_->runs("b").at(0).last_seq, 66u);
  EXPECT_EQ(read_all("b").size(), 66u);
  EXPECT_EQ(read_all("a").back()->event.body, body_of("a", 200, 2000));
  // One read spans segments.
  EXPECT_EQ(journal_->read("a", epoch, 1, 1000, 1 << 20)->size(), 134u);
  // A segment that was closed cleanly has no WAL left.
  reopen();
  EXPECT_TRUE(notes_.empty()) << notes_.front();
  for (const std::string& name : file_names()) EXPECT_EQ(name.find("-wal"), std::string::npos) << name;
  EXPECT_EQ(read_all("a").size(), 134u);
}

TEST_F(JournalTest, ASegmentIsClosedByAge) {
  options_.segment_age_max = std::chrono::seconds(60);
  open();
  const auto append_at = [&](std::int64_t second) {
    Event event = make_event("a", 1);
    event.received_at_us = kStartUs + second * 1'000'000;
    ASSERT_TRUE(journal_->append(event).ok());
  };
  append_at(0);
  append_at(59);
  append_at(-1000);  // the clock stepped back
  EXPECT_EQ(journal_->admin().segments().size(), 1u);
  append_at(60);
  EXPECT_EQ(journal_->admin().segments().size(), 2u);
  append_at(100);
  EXPECT_EQ(journal_->admin().segments().size(), 2u);
  append_at(121);
  EXPECT_EQ(journal_->admin().segments().size(), 3u);
  EXPECT_EQ(journal_->admin().segments().at(0).newest_received_at_us, kStartUs + 59'000'000);
  EXPECT_EQ(read_all("a").size(), 6u);
}

TEST_F(JournalTest, RotatingAnEmptySegmentDoesNothing) {
  open();
  ASSERT_TRUE(journal_->admin().rotate().ok());
  EXPECT_TRUE(journal_->admin().segments().empty()) << "a life without events makes no file";
  append("a", 1);
  ASSERT_TRUE(journal_->admin().rotate().ok());
  ASSERT_TRUE(journal_->admin().rotate().ok());
  EXPECT_EQ(journal_->admin().segments().size(), 1u);
  EXPECT_FALSE(journal_->admin().segments().at(0).active);
}

TEST_F(JournalTest, ASegmentGoesOnlyWhenEveryLaneHasPassedIt) {
  open();
  append("a", 1);
  append("b", 1);
  append("a", 2);
  const Uuid epoch = journal_->epoch();
  const std::uint64_t number = journal_->admin().segments().at(0).number;
  EXPECT_EQ(journal_->admin().drop_segment(number).error().kind, JournalError::Kind::kNotFound)
      << "it is being written";
  ASSERT_TRUE(journal_->admin().rotate().ok());
  EXPECT_FALSE(journal_->admin().drop_segment(number).ok());
  journal_->confirm("a", epoch, Position{2, Uuid{}});
  EXPECT_FALSE(journal_->admin().segments().at(0).delivered);
  EXPECT_FALSE(journal_->admin().drop_segment(number).ok());
  journal_->confirm("b", epoch, Position{1, Uuid{}});
  EXPECT_TRUE(journal_->admin().segments().at(0).delivered);
  EXPECT_GT(journal_->admin().stats().bytes, 0u);
  (void)read_all("a");  // an idle reader has the file open
  ASSERT_TRUE(journal_->admin().drop_segment(number).ok());
  EXPECT_EQ(file_names(), (std::vector<std::string>{"agent-id", "greatest-id", "lock"}));
  EXPECT_EQ(journal_->admin().stats().bytes, 0u);
  EXPECT_EQ(journal_->admin().stats().segments, 0u);
  EXPECT_EQ(journal_->admin().drop_segment(number).error().kind, JournalError::Kind::kNotFound);

  // The numbers go on, and the run says from where on it can be read.
  const LaneRun empty = journal_->runs("a").at(0);
  EXPECT_EQ(empty.first_seq, 3u);
  EXPECT_EQ(empty.last_seq, 2u);
  EXPECT_EQ(append("a", 3)->seq, 3u);
  EXPECT_EQ(journal_->runs("a").at(0).first_seq, 3u);
  EXPECT_EQ(journal_->read("a", epoch, 2, 1, 1).error().kind, JournalError::Kind::kNotFound);
  EXPECT_EQ(bodies("a"), expected_bodies("a", 3, 3));
  EXPECT_EQ(journal_->admin().stats().pending, 1u);
}

TEST_F(JournalTest, ADropInTheMiddleLeavesTwoRunsOfOneEpoch) {
  open();
  const Uuid epoch = journal_->epoch();
  append("slow", 1);
  append("a", 1);
  ASSERT_TRUE(journal_->admin().rotate().ok());
  append("a", 2);
  append("a", 3);
  ASSERT_TRUE(journal_->admin().rotate().ok());
  append("a", 4);
  journal_->confirm("a", epoch, Position{3, Uuid{}});
  const auto segments = journal_->admin().segments();
  ASSERT_EQ(segments.size(), 3u);
  EXPECT_FALSE(segments[0].delivered);
  ASSERT_TRUE(journal_->admin().drop_segment(segments[1].number).ok());
  const auto runs = journal_->runs("a");
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0].first_seq, 1u);
  EXPECT_EQ(runs[0].last_seq, 1u);
  EXPECT_EQ(runs[1].first_seq, 4u);
  EXPECT_EQ(runs[1].last_seq, 4u);
  EXPECT_EQ(runs[1].epoch, epoch);
  EXPECT_EQ(journal_->admin().stats().pending, 2u);
  EXPECT_EQ(journal_->read("a", epoch, 1, 100, 1 << 20)->size(), 1u) << "a read stops at the hole";
  reopen();
  ASSERT_EQ(journal_->runs("a").size(), 2u);
  EXPECT_EQ(journal_->runs("a").at(1).confirmed.seq, 3u);
}

TEST_F(JournalTest, ACrashInTheMiddleOfADropIsFinishedAtTheNextOpening) {
  open();
  append("a", 1);
  close();
  std::filesystem::rename(segment_file(1), options_.folder / "segment-00000001.dropped");
  write_file(segment_file(1).string() + "-wal", "what was left");
  open();
  EXPECT_EQ(file_names(), (std::vector<std::string>{"agent-id", "lock"}));
  EXPECT_TRUE(notes_.empty()) << notes_.front();
}

TEST_F(JournalTest, OverTheBudgetIsFullUntilSomethingIsDropped) {
  options_.bytes_max = 300 << 10;
  options_.segment_bytes_max = 100 << 10;
  open();
  int accepted = 0;
  JournalResult<EventPtr> last = EventPtr();
  while (accepted < 1000 && (last = journal_->append(make_event("a", accepted, 4000))).ok()) ++accepted;
  ASSERT_FALSE(last.ok());
  EXPECT_EQ(last.error().kind, JournalError::Kind::kFull);
  EXPECT_GT(accepted, 10);
  JournalStats stats = journal_->admin().stats();
  EXPECT_LE(stats.bytes, options_.bytes_max + (100u << 10));
  EXPECT_EQ(stats.events_refused, 1u);
  EXPECT_EQ(stats.sealed_after_error, 0u);
  EXPECT_EQ(append_fails("a", accepted, 4000), JournalError::Kind::kFull);
  EXPECT_EQ(read_all("a").size(), static_cast<std::size_t>(accepted)) << "draining goes on";

  const Uuid epoch = journal_->epoch();
  confirm_all();
  ASSERT_TRUE(journal_->admin().rotate().ok());
  for (const SegmentInfo& segment : journal_->admin().segments())
    ASSERT_TRUE(journal_->admin().drop_segment(segment.number).ok());
  stats = journal_->admin().stats();
  EXPECT_TRUE(stats.accepting) << stats.refusing_because;
  const EventPtr next = append("a", accepted, 4000);
  ASSERT_NE(next, nullptr);
  EXPECT_EQ(next->seq, static_cast<std::uint64_t>(accepted) + 1) << "a refused event takes no number";
  EXPECT_EQ(next->epoch, epoch);
}

TEST_F(JournalTest, WithoutFreeSpaceOnTheDiskItIsFull) {
  options_.free_bytes_min = UINT64_MAX;
  open();
  EXPECT_EQ(append_fails("a", 1), JournalError::Kind::kFull);
  const JournalStats stats = journal_->admin().stats();
  EXPECT_FALSE(stats.accepting);
  EXPECT_TRUE(stats.full);
  EXPECT_FALSE(stats.refusing_because.empty());
  EXPECT_GT(stats.free_bytes, 0u);
}

TEST_F(JournalTest, TheWalIsCheckpointedWhileTheSegmentGrows) {
  options_.segment_bytes_max = 8 << 20;  // the WAL may then take 2 MiB
  open();
  for (int n = 1; n <= 300; ++n) append("a", n, 30'000);
  ASSERT_GE(journal_->admin().segments().size(), 1u);
  const std::uint64_t number = journal_->admin().segments().front().number;
  EXPECT_GT(std::filesystem::file_size(segment_file(number)), 1u << 20)
      << "the database itself holds the events";
  EXPECT_EQ(read_all("a").size(), 300u);
}

TEST_F(JournalTest, ReadersAndTheWriterAndDropsDoNotDisturbEachOther) {
  options_.segment_bytes_max = 160 << 10;
  open();
  const Uuid epoch = journal_->epoch();
  constexpr int kEvents = 400;
  std::atomic<bool> failed = false;
  std::vector<std::thread> lanes;
  for (const std::string lane : {"a", "b"}) {
    lanes.emplace_back([&, lane] {
      for (int n = 1; n <= kEvents; ++n) {
        if (!journal_->append(make_event(lane, n, 1500)).ok()) failed = true;
      }
    });
    lanes.emplace_back([&, lane] {
      for (std::uint64_t next = 1; next <= kEvents && !failed;) {
        const auto events = journal_->read(lane, epoch, next, 50, 1 << 20);
        if (!events.ok()) {
          // Not there yet; anything else is a failure.
          if (events.error().kind != JournalError::Kind::kNotFound) failed = true;
          std::this_thread::yield();
          continue;
        }
        for (const EventPtr& event : *events) {
          if (event->seq != next || event->event.body != body_of(lane, static_cast<int>(next), 1500))
            failed = true;
          ++next;
        }
        journal_->confirm(lane, epoch, Position{next - 1, events->back()->id});
      }
    });
  }
  std::thread dropper([&] {
    while (!failed && journal_->admin().stats().pending + journal_->admin().segments().size() > 1) {
      for (const SegmentInfo& segment : journal_->admin().segments()) {
        if (segment.delivered && !segment.active && !journal_->admin().drop_segment(segment.number).ok())
          failed = true;
      }
      if (journal_->admin().stats().events_appended < 2 * kEvents) continue;
      if (!journal_->admin().rotate().ok()) failed = true;
    }
  });
  for (std::thread& lane : lanes) lane.join();
  EXPECT_TRUE(journal_->admin().rotate().ok());
  dropper.join();
  EXPECT_FALSE(failed.load()) << journal_->admin().stats().last_error;
  EXPECT_EQ(journal_->admin().stats().pending, 0u);
}

}  // namespace
}  // namespace hookspool::storage
