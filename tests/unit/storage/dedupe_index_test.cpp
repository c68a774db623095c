// The index of deliveries: what it finds, what it forgets and when, and what it says after damage.
#include "storage/side/dedupe_index.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/temp_folder.h"

namespace hookspool::storage {
namespace {

namespace fs = std::filesystem;
using Entry = DedupeIndex::Entry;

constexpr std::int64_t kHourUs = 3'600'000'000;
constexpr std::int64_t kNowUs = 1'700'000'000'000'000;

Uuid numbered(std::uint64_t number, std::uint8_t kind = 1) {
  Uuid id;
  id.bytes[0] = kind;
  // As digests are: the first bytes differ most.
  std::uint64_t mixed = number * 0x9E3779B97F4A7C15ull;
  for (std::size_t i = 1; i < 9; ++i, mixed >>= 8) id.bytes[i] = static_cast<std::uint8_t>(mixed);
  for (std::size_t i = 9; i < 16; ++i, number >>= 8) id.bytes[i] = static_cast<std::uint8_t>(number);
  return id;
}

class DedupeIndexTest : public ::testing::Test {
 protected:
  void open() {
    index_.reset();
    auto opened = DedupeIndex::open(options_);
    ASSERT_EQ(opened.unopened, "");
    index_ = std::move(opened.index);
    notes_ = std::move(opened.notes);
  }
  void put(std::uint64_t from, std::uint64_t count, std::int64_t now_us = kNowUs) {
    std::vector<Entry> entries;
    for (std::uint64_t n = from; n < from + count; ++n) entries.push_back({numbered(n), numbered(n, 2)});
    const auto result = index_->put(entries, now_us);
    ASSERT_TRUE(result.ok()) << result.error().text;
  }
  bool knows(std::uint64_t number) {
    const auto found = index_->find(numbered(number));
    if (!found.ok()) ADD_FAILURE() << found.error().text;
    if (!found.ok() || !found->has_value()) return false;
    EXPECT_EQ(**found, numbered(number, 2));
    return true;
  }
  std::uint64_t known(std::uint64_t from, std::uint64_t count) {
    std::uint64_t known = 0;
    for (std::uint64_t n = from; n < from + count; ++n) known += knows(n) ? 1u : 0u;
    return known;
  }

  testing::TempFolder folder_{"hookspool-dedupe"};
  DedupeOptions options_{folder_.path() / "dedupe", 400, std::chrono::hours(8)};
  std::unique_ptr<DedupeIndex> index_;
  std::vector<std::string> notes_;
};

TEST_F(DedupeIndexTest, FindsWhatWasPutAlsoAfterAReopening) {
  open();
  EXPECT_FALSE(knows(1));
  put(1, 50);
  ASSERT_TRUE(index_->set_complete_before(7, kNowUs).ok());
  EXPECT_EQ(known(1, 60), 50u);
  open();
  EXPECT_EQ(notes_.size(), 0u);
  EXPECT_EQ(known(1, 60), 50u);
  EXPECT_EQ(index_->complete_before(), 7u);
  EXPECT_EQ(index_->figures().keys, 50u);
}

TEST_F(DedupeIndexTest, RemembersThatThereWereNoKeys) {
  open();
  ASSERT_TRUE(index_->set_complete_before(7, kNowUs).ok());
  open();
  EXPECT_EQ(index_->complete_before(), 7u);
  put(1, 1);
  EXPECT_EQ(index_->figures().generations, 1u);
}

TEST_F(DedupeIndexTest, NumbersThatAreGivenAnewAreNotKnownAlsoAfterAReopening) {
  open();
  for (std::uint64_t n = 0; n < 3 * options_.keys_max / 4; n += 10) put(n, 10);
  ASSERT_TRUE(index_->set_complete_before(7, kNowUs).ok());
  put(3 * options_.keys_max / 4, 10);  // begins one more generation, which has inherited what was said
  ASSERT_TRUE(index_->limit_complete_before(8).ok());
  EXPECT_EQ(index_->complete_before(), 7u);
  ASSERT_TRUE(index_->limit_complete_before(3).ok());
  EXPECT_EQ(index_->complete_before(), 3u);
  open();
  EXPECT_EQ(index_->complete_before(), 3u);
  EXPECT_EQ(known(0, 3 * options_.keys_max / 4), 3 * options_.keys_max / 4);
}

TEST_F(DedupeIndexTest, KeepsAsManyAsItSaysAndNotMuchMore) {
  open();
  for (std::uint64_t n = 0; n < 3000; n += 10) {
    put(n, 10);
    const std::uint64_t least = std::min<std::uint64_t>(n + 10, options_.keys_max);
    ASSERT_TRUE(knows(n + 10 - least)) << "the oldest of the last " << least << " after " << n + 10;
    ASSERT_LE(index_->figures().keys, options_.keys_max * 5 / 4);
    ASSERT_LE(index_->figures().generations, 5u);
  }
  EXPECT_FALSE(knows(0));
  std::size_t folders = 0;
  for (const auto& entry : fs::directory_iterator(options_.folder)) folders += entry.is_directory() ? 1u : 0u;
  EXPECT_LE(folders, 5u) << "what is forgotten leaves the disk";
}

TEST_F(DedupeIndexTest, KeepsAsLongAsItSaysAndNotMuchLonger) {
  open();
  for (std::uint64_t hour = 0; hour < 40; ++hour) {
    put(hour, 1, kNowUs + static_cast<std::int64_t>(hour) * kHourUs);
    const std::uint64_t first = hour < 8 ? 0 : hour - 8;
    ASSERT_EQ(known(first, hour - first + 1), hour - first + 1) << "after " << hour << " h";
  }
  EXPECT_FALSE(knows(40 - 12)) << "a quarter longer at most";
}

TEST_F(DedupeIndexTest, AClockThatJumpsForgetsNothingAtOnce) {
  open();
  put(1, 1, kNowUs);
  put(2, 1, kNowUs + 365 * 24 * kHourUs);
  EXPECT_EQ(known(1, 2), 2u);
  put(3, 1, kNowUs);
  put(4, 1, kNowUs - 365 * 24 * kHourUs);
  EXPECT_EQ(known(1, 4), 4u);
  EXPECT_EQ(index_->figures().generations, 4u);
}

TEST_F(DedupeIndexTest, ADamagedGenerationIsMadeAnewAndSaysSo) {
  open();
  put(1, 50);
  ASSERT_TRUE(index_->set_complete_before(9, kNowUs).ok());
  index_.reset();
  std::size_t damaged = 0;
  for (const auto& entry : fs::recursive_directory_iterator(options_.folder)) {
    if (entry.path().filename().string().starts_with("MANIFEST")) {
      std::ofstream(entry.path(), std::ios::trunc) << "not a manifest";
      ++damaged;
    }
  }
  ASSERT_EQ(damaged, 1u);
  open();
  EXPECT_EQ(notes_.size(), 1u);
  EXPECT_EQ(index_->complete_before(), 0u) << "then everything that is retained is to be put again";
  EXPECT_FALSE(knows(1));
  put(1, 1);
  EXPECT_TRUE(knows(1));
}

TEST_F(DedupeIndexTest, AfterAFailedWriteNothingIsClaimedUntilItWasOpenedAgain) {
  open();
  put(1, 10);
  ASSERT_TRUE(index_->set_complete_before(3, kNowUs).ok());
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit tiny{1024, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tiny), 0);
  bool failed = false;
  for (std::uint64_t n = 100; n < 300 && !failed; ++n) {
    const std::vector<Entry> entries{{numbered(n), numbered(n, 2)}};
    failed = !index_->put(entries, kNowUs).ok();
  }
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ASSERT_TRUE(failed);
  EXPECT_TRUE(index_->failed());
  EXPECT_GT(index_->figures().failures, 0u);
  ASSERT_TRUE(index_->set_complete_before(4, kNowUs).ok());
  EXPECT_EQ(index_->complete_before(), 3u);
  const std::vector<Entry> more{{numbered(400), numbered(400, 2)}};
  EXPECT_FALSE(index_->put(more, kNowUs).ok()) << "a later key must not hide that an earlier one is missing";

  const auto opened = index_->reopen();
  ASSERT_TRUE(opened.ok()) << opened.error().text;
  EXPECT_FALSE(index_->failed());
  EXPECT_EQ(index_->complete_before(), 3u);
  EXPECT_EQ(known(1, 10), 10u);
  put(400, 1);
  EXPECT_TRUE(knows(400));
}

}  // namespace
}  // namespace hookspool::storage
