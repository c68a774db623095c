// One event for one delivery: at the same time, after failures, and when the index was lost.
#include "agent/deduplicator.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <latch>
#include <new>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "tests/support/temp_folder.h"

namespace hookspool::agent {
namespace {

constexpr std::int64_t kNowUs = 1'700'000'000'000'000;
constexpr std::int64_t kLongAgoUs = kNowUs - 30ll * 24 * 3'600 * 1'000'000;

class DeduplicatorTest : public ::testing::Test {
 protected:
  void SetUp() override { open(); }

  void open() {
    journal_.reset();
    deduplicator_.reset();
    index_.reset();
    auto opened = storage::DedupeIndex::open({folder_.path() / "dedupe"});
    ASSERT_TRUE(opened.ok()) << opened.error().text;
    index_ = std::move(opened->index);
    deduplicator_ = std::make_unique<Deduplicator>(*index_);
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
    const auto caught_up = deduplicator_->catch_up(*journal_);
    ASSERT_TRUE(caught_up.ok()) << caught_up.error().text;
  }

  storage::JournalResult<Deduplicator::Taken> deliver(const std::string& delivery,
                                                      std::int64_t received_at_us = kNowUs) {
    const Uuid key = dedupe_key("source", delivery);
    return deduplicator_->once(key, [&] {
      ++appended_;
      Event event;
      event.lane = "source";
      event.received_at_us = received_at_us;
      event.delivery_id = delivery;
      event.dedupe_key = key;
      event.body = "x";
      return journal_->append(std::move(event));
    });
  }

  testing::TempFolder folder_{"hookspool-dedupe"};
  std::unique_ptr<storage::DedupeIndex> index_;
  std::unique_ptr<Deduplicator> deduplicator_;
  std::unique_ptr<storage::Journal> journal_;
  std::atomic<int> appended_{0};
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
  const auto failed = deduplicator_->once(key, [] {
    return storage::JournalResult<EventPtr>(
        fail(storage::JournalError{storage::JournalError::Kind::kFull, "full"}));
  });
  EXPECT_FALSE(failed.ok());
  const auto taken = deliver("a");
  ASSERT_TRUE(taken.ok());
  EXPECT_FALSE(taken->duplicate);
}

TEST_F(DeduplicatorTest, ATakingThatThrowsLetsTheNextOneTry) {
  const Uuid key = dedupe_key("source", "a");
  EXPECT_THROW(
      (void)deduplicator_->once(key, []() -> storage::JournalResult<EventPtr> { throw std::bad_alloc(); }),
      std::bad_alloc);
  const auto taken = deliver("a");  // would wait for ever
  ASSERT_TRUE(taken.ok());
  EXPECT_FALSE(taken->duplicate);
}

// What comes out of the quarantine was received days ago. If its time ended generations, each one that is let in among
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
      ASSERT_TRUE(journal_->rotate().ok());
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

TEST_F(DeduplicatorTest, KeysOfTwoSourcesDoNotMeet) {
  EXPECT_NE(dedupe_key("a", "bc"), dedupe_key("ab", "c"));
  EXPECT_NE(dedupe_key("a", "x"), dedupe_key("b", "x"));
}

}  // namespace
}  // namespace hookspool::agent
