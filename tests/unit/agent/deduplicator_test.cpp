// One event for one delivery: at the same time, after failures, and when the index was lost.
#include "agent/intake/deduplicator.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <latch>
#include <new>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "agent/intake/lost_deliveries.h"
#include "tests/support/simulated_time.h"
#include "tests/support/temp_folder.h"

namespace hookspool::agent {
namespace {

constexpr std::int64_t kNowUs = 1'700'000'000'000'000;
constexpr std::int64_t kLongAgoUs = kNowUs - 30ll * 24 * 3'600 * 1'000'000;

class DeduplicatorTest : public ::testing::Test {
 protected:
  void SetUp() override { open(); }

  // `limits`: of this opening.
  void open(const Deduplicator::Limits& limits = {}) {
    journal_.reset();
    deduplicator_.reset();
    index_.reset();
    open_index(limits);
    open_journal();
    const auto caught_up = deduplicator_->catch_up(journal_->admin());
    ASSERT_TRUE(caught_up.ok()) << caught_up.error().text;
  }

  void open_index(const Deduplicator::Limits& limits) {
    auto opened = storage::DedupeIndex::open({folder_.path() / "dedupe"}, storage::DedupeIndex::Clock::now());
    unopened_ = opened.unopened;
    index_ = std::move(opened.index);
    deduplicator_ = std::make_unique<Deduplicator>(*index_, limits, time_);
  }

  void open_journal() {
    storage::JournalOptions options;
    options.folder = folder_.path() / "journal";
    options.free_bytes_min = 0;
    options.random_bytes = [](std::span<std::byte> bytes) {
      static std::mutex mutex;
      static std::mt19937_64 random{std::random_device{}()};
      const std::lock_guard lock(mutex);
      for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
    };
    options.on_committed = [this](std::span<const EventPtr> events) { deduplicator_->committed(events); };
    auto journal = storage::Journal::open(std::move(options));
    ASSERT_TRUE(journal.ok()) << journal.error().text;
    journal_ = std::move(journal->journal);
    lost_ids_ = journal->lost_ids.size();
    EXPECT_EQ(deduplicator_->begin(journal_->admin()).ok(), unopened_.empty());
    ASSERT_TRUE(deduplicator_->recall(journal_->notes()).ok());
    ASSERT_TRUE(deduplicator_->forget(journal_->notes(), journal->lost_ids).ok());
  }

  storage::JournalResult<Deduplicator::Taken> once(const Uuid& key, const Deduplicator::Take& take) {
    std::promise<storage::JournalResult<Deduplicator::Taken>> taken;
    deduplicator_->once("source", key, take, [&](storage::JournalResult<Deduplicator::Taken> result) {
      taken.set_value(std::move(result));
    });
    return taken.get_future().get();
  }

  storage::JournalResult<Deduplicator::Taken> deliver(const std::string& delivery,
                                                      std::int64_t received_at_us = kNowUs) {
    const Uuid key = dedupe_key("source", delivery);
    return once(key, [&](storage::Journal::Appended appended) {
      ++appended_;
      Event event;
      event.lane = "source";
      event.received_at_us = received_at_us;
      event.delivery_id = delivery;
      event.dedupe_key = key;
      event.body = "x";
      journal_->append(std::move(event), std::move(appended));
    });
  }

  void join_late(bool with_record);

  testing::TempFolder folder_{"hookspool-dedupe"};
  testing::SimulatedTime time_;
  std::unique_ptr<storage::DedupeIndex> index_;
  std::unique_ptr<Deduplicator> deduplicator_;
  std::unique_ptr<storage::Journal> journal_;
  std::atomic<int> appended_{0};
  std::size_t lost_ids_ = 0;  // as the opening found them
  std::string unopened_;
};

TEST_F(DeduplicatorTest, ManyAtOnceAreOneEvent) {
  constexpr int kThreads = 16;
  for (int round = 0; round < 50; ++round) {
    std::latch start(kThreads);
    std::vector<Uuid> ids(kThreads);
    std::atomic<int> firsts{0};
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < kThreads; ++i) {
        threads.emplace_back([&, i] {
          start.arrive_and_wait();
          const auto taken = deliver("round " + std::to_string(round));
          ASSERT_TRUE(taken.ok());
          ids[static_cast<std::size_t>(i)] = taken->id;
          firsts += taken->duplicate ? 0 : 1;
        });
      }
    }
    ASSERT_EQ(firsts, 1);
    ASSERT_EQ(std::set<Uuid>(ids.begin(), ids.end()).size(), 1u);
  }
  EXPECT_EQ(appended_, 50);
}

TEST_F(DeduplicatorTest, AFailureIsNotRemembered) {
  const Uuid key = dedupe_key("source", "a");
  storage::Journal::Appended appended;
  std::vector<storage::JournalResult<Deduplicator::Taken>> results;
  const auto keep = [&](storage::JournalResult<Deduplicator::Taken> result) {
    results.push_back(std::move(result));
  };
  deduplicator_->once(
      "source", key, [&](storage::Journal::Appended given) { appended = std::move(given); }, keep);
  deduplicator_->once(
      "source", key, [](const storage::Journal::Appended&) { FAIL() << "a second one at once"; }, keep);
  EXPECT_TRUE(results.empty());
  appended(fail(storage::JournalError{storage::JournalError::Kind::kFull, "full"}));
  ASSERT_EQ(results.size(), 2u);  // who waits for it fails with it
  for (const auto& result : results) EXPECT_EQ(result.error().kind, storage::JournalError::Kind::kFull);
  const auto taken = deliver("a");
  ASSERT_TRUE(taken.ok());
  EXPECT_FALSE(taken->duplicate);
}

TEST_F(DeduplicatorTest, ATakingThatThrowsLetsTheNextOneTry) {
  const Uuid key = dedupe_key("source", "a");
  int failures = 0;
  EXPECT_THROW(
      deduplicator_->once(
          "source", key, [](const storage::Journal::Appended&) { throw std::bad_alloc(); },
          [&](const storage::JournalResult<Deduplicator::Taken>& result) { failures += result ? 0 : 1; }),
      std::bad_alloc);
  EXPECT_EQ(failures, 1);
  const auto taken = deliver("a");  // would wait for ever
  ASSERT_TRUE(taken.ok());
  EXPECT_FALSE(taken->duplicate);
}

// What comes out of the quarantine was received days ago. If its time ended generations, each one that is accepted among
// new events would push an old generation out.
TEST_F(DeduplicatorTest, EventsOfOldTimesAmongNewOnesForgetNothing) {
  ASSERT_TRUE(deliver("first").ok());
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(deliver(std::to_string(i), i % 2 == 0 ? kLongAgoUs : kNowUs).ok());
  }
  const auto again = deliver("first");
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->duplicate);
  EXPECT_EQ(index_->figures().generations, 1u);
}

TEST_F(DeduplicatorTest, KnowsThemAfterARestart) {
  const auto first = deliver("a");
  ASSERT_TRUE(first.ok());
  open();
  const auto again = deliver("a");
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->duplicate);
  EXPECT_EQ(again->id, first->id);
  EXPECT_EQ(appended_, 1);
}

TEST_F(DeduplicatorTest, AnIndexThatWasLostIsMadeAgainFromTheJournal) {
  std::vector<Uuid> ids;
  for (int i = 0; i < 100; ++i) {
    ids.push_back(deliver(std::to_string(i))->id);
    if (i % 30 == 0) {
      ASSERT_TRUE(journal_->admin().rotate().ok());
    }
  }
  journal_.reset();
  deduplicator_.reset();
  index_.reset();
  std::filesystem::remove_all(folder_.path() / "dedupe");
  open();
  for (int i = 0; i < 100; ++i) {
    const auto again = deliver(std::to_string(i));
    ASSERT_TRUE(again.ok());
    EXPECT_TRUE(again->duplicate) << i;
    EXPECT_EQ(again->id, ids[static_cast<std::size_t>(i)]) << i;
  }
}

TEST_F(DeduplicatorTest, AfterACleanEndTheNextLifeReadsNothing) {
  ASSERT_TRUE(deliver("a").ok());
  const std::uint64_t newest = journal_->admin().segments().back().number;
  ASSERT_TRUE(journal_->close().ok());
  ASSERT_TRUE(deduplicator_->end(journal_->admin()).ok());
  EXPECT_EQ(index_->complete_before(), newest + 1);
  open();
  EXPECT_EQ(index_->complete_before(), newest + 1);
  ASSERT_TRUE(deliver("b").ok());
  EXPECT_EQ(journal_->admin().segments().back().number, newest + 1)
      << "and what comes then is not counted as read";
}

// A journal whose segments are all gone begins to count from 1: what was said of these numbers was said of others.
TEST_F(DeduplicatorTest, SegmentsOfNumbersThatAreGivenAnewAreReadAfterACrash) {
  Uuid last;
  for (const char* delivery : {"a", "b", "c"}) {
    const auto taken = deliver(delivery);
    ASSERT_TRUE(taken.ok());
    last = taken->id;
    ASSERT_TRUE(deduplicator_->catch_up(journal_->admin()).ok());
    ASSERT_TRUE(journal_->admin().rotate().ok());
  }
  ASSERT_EQ(index_->complete_before(), 3u);
  const auto run = journal_->runs("source").front();
  journal_->confirm("source", run.epoch, {run.last_seq, last});
  for (const auto& segment : journal_->admin().segments()) {
    ASSERT_TRUE(journal_->admin().drop_segment(segment.number).ok());
  }
  open();
  EXPECT_EQ(index_->complete_before(), 1u);
}

// What the disk has lost was promised: its sender's repeat is the only thing that can bring it back.
TEST_F(DeduplicatorTest, TheRepeatOfALostEventIsTaken) {
  const std::int64_t now_us = time_.wall_clock_us();
  const auto kept = deliver("kept", now_us);
  ASSERT_TRUE(journal_->admin().rotate().ok());
  const auto confirmed = deliver("confirmed", now_us);
  ASSERT_TRUE(deliver("lost", now_us).ok());
  ASSERT_TRUE(deliver("lost, and repeated late", now_us).ok());
  ASSERT_TRUE(journal_->admin().rotate().ok());
  const auto after = deliver("after", now_us);
  journal_->confirm("source", journal_->epoch(), {2, confirmed->id});
  ASSERT_TRUE(journal_->admin().save_cursors().ok());
  journal_.reset();
  std::filesystem::resize_file(folder_.path() / "journal" / "segment-00000002.db", 8192);
  open();
  ASSERT_EQ(lost_ids_, 1u);
  for (const auto& [name, first] : {std::pair{"kept", kept}, {"confirmed", confirmed}, {"after", after}}) {
    const auto again = deliver(name, now_us);
    ASSERT_TRUE(again.ok());
    EXPECT_TRUE(again->duplicate) << name;
    EXPECT_EQ(again->id, first->id) << name;
  }
  const auto taken = deliver("lost", now_us);
  ASSERT_TRUE(taken.ok());
  EXPECT_FALSE(taken->duplicate);
  EXPECT_EQ(deliver("lost", now_us)->id, taken->id);

  // PostgreSQL has the rest, and a gap on record: the journal does not speak of it any more.
  for (const auto& run : journal_->runs("source")) journal_->confirm("source", run.epoch, {run.last_seq, {}});
  ASSERT_TRUE(journal_->admin().save_cursors().ok());
  open();
  ASSERT_EQ(lost_ids_, 0u);
  EXPECT_TRUE(deliver("lost", now_us)->duplicate);
  EXPECT_TRUE(deliver("after", now_us)->duplicate);
  EXPECT_FALSE(deliver("lost, and repeated late", now_us)->duplicate);
}

// The end of the journal is what a power cut takes: there is no later event to say where the lost ones end.
TEST_F(DeduplicatorTest, TheRepeatOfALostLastEventIsTaken) {
  const std::int64_t now_us = time_.wall_clock_us();
  ASSERT_TRUE(deliver("first", now_us).ok());
  ASSERT_TRUE(journal_->admin().rotate().ok());
  ASSERT_TRUE(deliver("last", now_us).ok());
  journal_.reset();
  std::filesystem::resize_file(folder_.path() / "journal" / "segment-00000002.db", 8192);
  time_.advance(std::chrono::milliseconds(1));
  open();
  ASSERT_EQ(lost_ids_, 1u);
  EXPECT_TRUE(deliver("first")->duplicate);
  EXPECT_FALSE(deliver("last", now_us + 2'000)->duplicate);
  EXPECT_TRUE(deliver("last")->duplicate);
}

Uuid id_at(std::uint64_t number, std::uint8_t last) {
  Uuid id;
  for (std::size_t i = 0; i < 8; ++i) id.bytes[i] = static_cast<std::uint8_t>(number >> (8 * (7 - i)));
  id.bytes[15] = last;
  return id;
}

// Each lane's worker writes the note when it finds that events are lost. An older text must not replace a newer one.
TEST_F(DeduplicatorTest, OfManyNotesAtOnceTheNewestStays) {
  constexpr std::uint64_t kThreads = 8, kEach = 6;
  std::latch start(kThreads);
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        start.arrive_and_wait();
        for (std::uint64_t i = 1; i <= kEach; ++i) {
          const storage::LostIds lost{"lane", id_at(thread * kEach + i, 1), id_at(thread * kEach + i, 9)};
          const auto noted = deduplicator_->forget(journal_->notes(), {&lost, 1});
          EXPECT_TRUE(noted.ok()) << noted.error().text;
        }
      });
    }
  }
  const auto note = journal_->notes().read("lost-deliveries");
  ASSERT_TRUE(note.ok() && note->has_value());
  EXPECT_EQ(LostDeliveries::parse(**note).size(), kThreads * kEach);
}

// With lanes of the longest names a configuration may give, and the repeat of each is taken in the next life.
TEST_F(DeduplicatorTest, AThousandLostRangesSurviveARestart) {
  const std::string lane(64, 'l');
  std::vector<storage::LostIds> lost;
  std::vector<storage::DedupeIndex::Entry> entries;
  for (std::uint64_t i = 1; i <= LostDeliveries::kRangesMax; ++i) {
    lost.push_back({lane, id_at(i, 1), id_at(i, 9)});
    entries.push_back({dedupe_key(lane, std::to_string(i)), id_at(i, 5)});
  }
  entries.push_back({dedupe_key(lane, "there"), id_at(LostDeliveries::kRangesMax, 9)});
  ASSERT_TRUE(index_->put(entries, storage::DedupeIndex::Clock::now()).ok());
  const auto noted = deduplicator_->forget(journal_->notes(), lost);
  ASSERT_TRUE(noted.ok()) << noted.error().text;
  open();
  int taken = 0;
  for (const auto& entry : entries) {
    deduplicator_->once(
        lane, entry.key,
        [&](const storage::Journal::Appended& appended) {
          ++taken;
          appended(fail(storage::JournalError{storage::JournalError::Kind::kFull, "not now"}));
        },
        [](const storage::JournalResult<Deduplicator::Taken>&) {});
  }
  EXPECT_EQ(taken, static_cast<int>(LostDeliveries::kRangesMax));
}

// Nothing else could be done for the writer's sake: it must not wait. What was dropped stands in the segments.
TEST_F(DeduplicatorTest, WhatTheIndexCouldNotTakeIsReadAgainFromTheJournal) {
  open({.unwritten_keys_max = 0});
  const auto first = deliver("a");
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(journal_->admin().rotate().ok());
  ASSERT_TRUE(deliver("b").ok());
  EXPECT_EQ(index_->complete_before(), 0u) << "it lacks them";
  ASSERT_TRUE(deduplicator_->catch_up(journal_->admin()).ok());
  const auto again = deliver("a");
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->duplicate);
  EXPECT_EQ(again->id, first->id);
  EXPECT_EQ(index_->complete_before(), 2u);

  ASSERT_TRUE(deliver("c").ok());  // dropped, and this life ends before it is read again
  ASSERT_TRUE(journal_->close().ok());
  ASSERT_TRUE(deduplicator_->end(journal_->admin()).ok());
  EXPECT_EQ(index_->complete_before(), 2u);
  open();
  EXPECT_TRUE(deliver("c")->duplicate);
}

// No descriptor, no memory or no room at the moment says nothing of what the index holds.
TEST_F(DeduplicatorTest, AnIndexThatCannotBeOpenedNowIsOpenedLater) {
  const auto first = deliver("a");
  ASSERT_TRUE(first.ok());
  journal_.reset();
  deduplicator_.reset();
  index_.reset();
  const auto folder = folder_.path() / "dedupe", aside = folder_.path() / "aside";
  std::filesystem::rename(folder, aside);
  std::ofstream(folder) << "in the way";
  open_index({});
  EXPECT_NE(unopened_, "");
  EXPECT_TRUE(index_->failed());
  EXPECT_FALSE(index_->find(dedupe_key("source", "a")).ok())
      << "not known, which is not the same as not there";
  open_journal();
  EXPECT_FALSE(deduplicator_->catch_up(journal_->admin()).ok());
  std::filesystem::remove(folder);
  std::filesystem::rename(aside, folder);
  const auto caught_up = deduplicator_->catch_up(journal_->admin());
  ASSERT_TRUE(caught_up.ok()) << caught_up.error().text;
  const auto again = deliver("a");
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->duplicate);
  EXPECT_EQ(again->id, first->id);
}

TEST_F(DeduplicatorTest, ASegmentThatCannotBeReadNowIsReadLater) {
  const auto first = deliver("a");
  ASSERT_TRUE(first.ok());
  journal_.reset();
  deduplicator_.reset();
  index_.reset();
  std::filesystem::remove_all(folder_.path() / "dedupe");
  open_index({});
  open_journal();
  ASSERT_TRUE(deliver("b").ok());
  const auto segment = folder_.path() / "journal" / "segment-00000001.db", aside = folder_.path() / "aside";
  std::filesystem::rename(segment, aside);
  for (int i = 0; i < 2; ++i) {
    time_.advance(Deduplicator::Limits{}.read_again);
    const auto caught_up = deduplicator_->catch_up(journal_->admin());
    ASSERT_FALSE(caught_up.ok());
    EXPECT_NE(caught_up.error().kind, storage::JournalError::Kind::kCorrupt) << caught_up.error().text;
    EXPECT_LE(index_->complete_before(), 1u) << "it lacks what is in there";
  }
  std::filesystem::rename(aside, segment);
  ASSERT_TRUE(deduplicator_->catch_up(journal_->admin()).ok());
  EXPECT_LE(index_->complete_before(), 1u) << "it is not yet time";
  time_.advance(Deduplicator::Limits{}.read_again);
  ASSERT_TRUE(deduplicator_->catch_up(journal_->admin()).ok());
  EXPECT_EQ(index_->complete_before(), 2u);
  const auto again = deliver("a");
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->duplicate);
  EXPECT_EQ(again->id, first->id);
}

// A segment that could not be read at the start, with a record of what it holds or without, when the index was lost.
void DeduplicatorTest::join_late(bool with_record) {
  const auto first = deliver("a");
  ASSERT_TRUE(first.ok());
  journal_.reset();
  deduplicator_.reset();
  index_.reset();
  std::filesystem::remove_all(folder_.path() / "dedupe");
  const auto journal = folder_.path() / "journal", segment = journal / "segment-00000001.db";
  if (!with_record) std::filesystem::remove(journal / "segment-00000001.acked");
  std::filesystem::rename(segment, folder_.path() / "aside");
  std::filesystem::create_directory(segment);
  open_index({});
  open_journal();
  for (const char* delivery : {"b", "c"}) {
    (void)deduplicator_->catch_up(journal_->admin());
    EXPECT_LE(index_->complete_before(), 1u) << "it lacks what is in there";
    ASSERT_TRUE(deliver(delivery).ok());
  }
  std::filesystem::remove(segment);
  std::filesystem::rename(folder_.path() / "aside", segment);
  ASSERT_TRUE(journal_->admin().try_unreadable().found);
  ASSERT_TRUE(deduplicator_->catch_up(journal_->admin()).ok())
      << "at once, and not only when it is read again";
  const auto again = deliver("a");
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->duplicate);
  EXPECT_EQ(again->id, first->id);
  EXPECT_GE(index_->complete_before(), 2u) << "nothing is lacking any more";
}

TEST_F(DeduplicatorTest, KeysOfASegmentThatIsReadLateAreKnownThen) {
  join_late(true);
}

TEST_F(DeduplicatorTest, KeysOfALateSegmentWithoutARecordAreKnownThen) {
  join_late(false);
}

TEST_F(DeduplicatorTest, KeysOfTwoSourcesDoNotMeet) {
  EXPECT_NE(dedupe_key("a", "bc"), dedupe_key("ab", "c"));
  EXPECT_NE(dedupe_key("a", "x"), dedupe_key("b", "x"));
}

}  // namespace
}  // namespace hookspool::agent
