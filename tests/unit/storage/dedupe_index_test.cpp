// The index of deliveries: what it finds, what it forgets and when, and what it says after damage.
#include "storage/dedupe/dedupe_index.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "storage/dedupe/key_log.h"
#include "tests/support/temp_folder.h"

namespace hookspool::storage {
namespace {

namespace fs = std::filesystem;
using Entry = DedupeIndex::Entry;

using std::chrono::hours;

constexpr DedupeIndex::Clock::time_point kStart{hours(100'000)};

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
  void open(DedupeIndex::Clock::time_point now = kStart) {
    index_.reset();
    auto opened = DedupeIndex::open(options_, now);
    ASSERT_EQ(opened.unopened, "");
    index_ = std::move(opened.index);
    notes_ = std::move(opened.notes);
  }
  void put(std::uint64_t from, std::uint64_t count, DedupeIndex::Clock::time_point now = kStart) {
    std::vector<Entry> entries;
    for (std::uint64_t n = from; n < from + count; ++n) entries.push_back({numbered(n), numbered(n, 2)});
    const auto result = index_->put(entries, now);
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

  std::vector<fs::path> paths(const std::string& prefix) {
    std::vector<fs::path> paths;
    for (const auto& entry : fs::directory_iterator(options_.folder)) {
      if (entry.path().filename().string().starts_with(prefix)) paths.push_back(entry.path());
    }
    return paths;
  }
  std::size_t files(const std::string& prefix) { return paths(prefix).size(); }
  fs::path only_file(const std::string& prefix) {
    const auto found = paths(prefix);
    EXPECT_EQ(found.size(), 1u) << prefix;
    return found.empty() ? fs::path() : found.front();
  }
  static std::string read_file(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static void write_file(const fs::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
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
  ASSERT_TRUE(index_->set_complete_before(7, kStart).ok());
  EXPECT_EQ(known(1, 60), 50u);
  open();
  EXPECT_EQ(notes_.size(), 0u);
  EXPECT_EQ(known(1, 60), 50u);
  EXPECT_EQ(index_->complete_before(), 7u);
  EXPECT_EQ(index_->figures().keys, 50u);
}

TEST_F(DedupeIndexTest, RemembersThatThereWereNoKeys) {
  open();
  ASSERT_TRUE(index_->set_complete_before(7, kStart).ok());
  open();
  EXPECT_EQ(index_->complete_before(), 7u);
  put(1, 1);
  EXPECT_EQ(index_->figures().generations, 1u);
}

TEST_F(DedupeIndexTest, NumbersThatAreGivenAnewAreNotKnownAlsoAfterAReopening) {
  open();
  for (std::uint64_t n = 0; n < 3 * options_.keys_max / 4; n += 10) put(n, 10);
  ASSERT_TRUE(index_->set_complete_before(7, kStart).ok());
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
  EXPECT_LE(files("run-"), 5u) << "what is forgotten leaves the disk";
  EXPECT_EQ(files("log-"), 1u);
}

TEST_F(DedupeIndexTest, KeepsAsLongAsItSaysAndNotMuchLonger) {
  open();
  for (std::uint64_t hour = 0; hour < 40; ++hour) {
    put(hour, 1, kStart + hours(hour));
    const std::uint64_t first = hour < 8 ? 0 : hour - 8;
    ASSERT_EQ(known(first, hour - first + 1), hour - first + 1) << "after " << hour << " h";
  }
  EXPECT_FALSE(knows(40 - 12)) << "a quarter longer at most";
}

// A clock that only counts within a life: neither a jump of the wall clock nor a long stop makes an index forget.
TEST_F(DedupeIndexTest, TimeCountsWhileItIsOpenAndGoesOnWhereItStopped) {
  for (int life = 0; life < 20; ++life) {  // each with another idea of what time it is
    open(kStart + hours(1'000 * (life % 3)));
    put(static_cast<std::uint64_t>(life), 1, kStart + hours(1'000 * (life % 3)) + hours(1));
  }
  EXPECT_FALSE(knows(0)) << "twenty hours in all";
  EXPECT_EQ(known(20 - 9, 9), 9u);
  put(20, 1, kStart);  // a time before the last one
  EXPECT_TRUE(knows(20));
}

// Enough keys for runs of three levels; of a key that was put again the newest event counts.
TEST_F(DedupeIndexTest, FindsAllInMergedRunsAndTheNewestOfAKey) {
  constexpr std::uint64_t kKeys = 9 * DedupeIndex::kMergedRuns * DedupeIndex::kLogKeysMax;
  options_.keys_max = 8 * kKeys;
  open();
  for (std::uint64_t n = 0; n < kKeys; n += 1'000) {
    put(n, 1'000);
    const Entry again{numbered(7), numbered(n, 3)};
    ASSERT_TRUE(index_->put({&again, 1}, kStart).ok());
  }
  const auto check = [&] {
    std::uint64_t looked_up = 0, found = 0;
    for (std::uint64_t n = 8; n < kKeys; n += 13, ++looked_up) found += knows(n) ? 1u : 0u;
    EXPECT_EQ(found, looked_up);
    EXPECT_EQ(known(10'000'000, 10'000), 0u);
    const auto newest = index_->find(numbered(7));
    ASSERT_TRUE(newest.ok());
    EXPECT_EQ(*newest, numbered(kKeys / 1'000 * 1'000, 3));
  };
  check();
  EXPECT_LE(files("run-"), 2 * DedupeIndex::kMergedRuns);
  open();
  check();
}

// Each byte of a run matters, and none is believed when it is wrong: a key is found with its event, or there is an error, or
// the run is removed and what is in the segments is asked for again.
TEST_F(DedupeIndexTest, ADamagedRunIsNeverBelieved) {
  options_.keys_max = 1'000'000;
  open();
  put(0, DedupeIndex::kLogKeysMax);
  ASSERT_TRUE(index_->set_complete_before(9, kStart).ok());
  index_.reset();
  const fs::path run = only_file("run-");
  const auto size = fs::file_size(run);
  const std::string whole = read_file(run);
  std::size_t refused = 0, found = 0;
  const std::uint64_t step = size / 97;
  for (std::uint64_t at = 0; at < size; at += step) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x20);
    write_file(run, damaged);
    open();
    bool lacks = !notes_.empty();
    for (std::uint64_t n = 0; n < DedupeIndex::kLogKeysMax && !lacks; ++n) {
      const auto is = index_->find(numbered(n));
      lacks = !is.ok();
      if (is.ok()) {
        EXPECT_EQ(*is, numbered(n, 2)) << "byte " << at << ", key " << n;
      }
    }
    if (index_->failed()) {
      const auto reopened = index_->reopen();
      ASSERT_TRUE(reopened.ok());
      EXPECT_EQ(reopened->size(), 1u);
    }
    if (lacks) {
      EXPECT_EQ(index_->complete_before(), 0u) << "byte " << at;
      EXPECT_EQ(known(0, 100), 0u);
      put(1, 1);
      EXPECT_TRUE(knows(1));
      ++refused;
    } else {
      ++found;  // a byte that nothing depends on
    }
    index_.reset();
    fs::remove_all(options_.folder);
    fs::create_directories(options_.folder);
    ASSERT_TRUE(KeyLog::create(options_.folder, 2, {9, 1, 0}, {}).ok());
  }
  EXPECT_GT(refused, 90u);
  EXPECT_LT(found, 5u);
}

TEST_F(DedupeIndexTest, ALogIsReadAsFarAsItHolds) {
  open();
  put(0, 20);
  ASSERT_TRUE(index_->set_complete_before(3, kStart).ok());
  put(20, 20);
  ASSERT_TRUE(index_->set_complete_before(5, kStart).ok());
  index_.reset();
  const fs::path log = only_file("log-");
  const std::string whole = read_file(log);
  std::uint64_t last_known = 0;
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    fs::remove_all(options_.folder);
    fs::create_directories(options_.folder);
    write_file(log, whole.substr(0, size));
    open();
    const std::uint64_t known_keys = known(0, 40);
    EXPECT_GE(known_keys, last_known);
    const std::uint64_t promised = index_->complete_before() >= 5   ? 40
                                   : index_->complete_before() >= 3 ? 20
                                                                    : 0;
    EXPECT_GE(known_keys, promised) << size;
    last_known = known_keys;
    index_.reset();
  }
  EXPECT_EQ(last_known, 40u);
}

// The log that an opening writes has the old log's keys in several records: none of them may vouch for those behind it.
TEST_F(DedupeIndexTest, ADamagedLogVouchesForNothingThatItHasLost) {
  constexpr std::uint64_t kKeys = 5 * KeyLog::kRecordEntriesMax;
  options_.keys_max = 1'000'000;
  open();
  put(0, kKeys);
  ASSERT_TRUE(index_->set_complete_before(9, kStart).ok());
  open();
  index_.reset();
  const fs::path log = only_file("log-");
  const std::string whole = read_file(log);
  std::size_t lost = 0;
  for (std::size_t at = 0; at < whole.size(); at += whole.size() / 23) {
    fs::remove_all(options_.folder);
    fs::create_directories(options_.folder);
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    write_file(log, damaged);
    open();
    const std::uint64_t known_keys = known(0, kKeys);
    if (known_keys == kKeys) continue;
    ++lost;
    EXPECT_EQ(index_->complete_before(), 0u) << "byte " << at << ", " << known_keys << " keys";
  }
  EXPECT_GT(lost, 20u);
}

TEST_F(DedupeIndexTest, DamageThatAMergeFindsIsRemovedByTheNextOpening) {
  options_.keys_max = 10'000'000;
  open();
  for (std::uint64_t n = 0; n < DedupeIndex::kMergedRuns - 1; ++n)
    put(n * DedupeIndex::kLogKeysMax, DedupeIndex::kLogKeysMax);
  ASSERT_TRUE(index_->set_complete_before(9, kStart).ok());
  const fs::path run = paths("run-").front();
  std::fstream(run, std::ios::in | std::ios::out | std::ios::binary).seekp(9'000).put('x').put('y');
  std::vector<Entry> entries;
  for (std::uint64_t n = 0; n < DedupeIndex::kLogKeysMax; ++n)
    entries.push_back({numbered(n + 1'000'000), numbered(n, 2)});
  const auto put_last = index_->put(entries, kStart);
  ASSERT_FALSE(put_last.ok());
  EXPECT_EQ(put_last.error().kind, JournalError::Kind::kCorrupt);
  EXPECT_TRUE(index_->failed());
  EXPECT_TRUE(index_->find(numbered(DedupeIndex::kLogKeysMax * 6)).ok())
      << "what was read is there until then";
  const auto reopened = index_->reopen();
  ASSERT_TRUE(reopened.ok()) << reopened.error().text;
  EXPECT_EQ(reopened->size(), 1u);
  EXPECT_FALSE(fs::exists(run));
  EXPECT_EQ(index_->complete_before(), 0u);
  EXPECT_TRUE(index_->put(entries, kStart).ok());
}

TEST_F(DedupeIndexTest, RunsThatAreNotMergedAreAsGood) {
  options_.keys_max = 10'000'000;
  open();
  index_->stop_merging();
  for (std::uint64_t n = 0; n < DedupeIndex::kMergedRuns + 1; ++n)
    put(n * DedupeIndex::kLogKeysMax, DedupeIndex::kLogKeysMax);
  EXPECT_EQ(files("run-"), DedupeIndex::kMergedRuns + 1);
  EXPECT_EQ(known(0, 1'000), 1'000u);
  open();
  put(10'000'000, DedupeIndex::kLogKeysMax);
  EXPECT_EQ(files("run-"), 1u);
  EXPECT_EQ(known(0, 1'000), 1'000u);
}

TEST_F(DedupeIndexTest, WhatACrashLeftBehindIsTidiedUp) {
  options_.keys_max = 10'000'000;
  open();
  for (std::uint64_t n = 0; n < 7; ++n) put(n * DedupeIndex::kLogKeysMax, DedupeIndex::kLogKeysMax);
  ASSERT_TRUE(index_->set_complete_before(4, kStart).ok());
  const testing::TempFolder copies("hookspool-dedupe-copies");
  fs::copy(options_.folder, copies.path(), fs::copy_options::recursive);
  put(7 * DedupeIndex::kLogKeysMax, DedupeIndex::kLogKeysMax);  // merges them
  index_.reset();
  ASSERT_EQ(files("run-"), 1u);
  fs::copy(copies.path(), options_.folder,
           fs::copy_options::recursive);  // the parts, and a log that is in a run
  write_file(options_.folder / "run-1-1-9-1.keys.unfinished", "half");
  write_file(options_.folder / "log-99.unfinished", "half");
  fs::create_directories(options_.folder / "generation-00000001");  // of an earlier version
  open();
  EXPECT_EQ(notes_.size(), 1u);
  EXPECT_EQ(files("run-"), 1u);
  EXPECT_EQ(files("log-"), 1u);
  EXPECT_EQ(files("generation-"), 0u);
  EXPECT_EQ(known(0, 8 * DedupeIndex::kLogKeysMax), 8 * DedupeIndex::kLogKeysMax);
  EXPECT_EQ(index_->complete_before(), 4u);
}

TEST_F(DedupeIndexTest, WhatIsNoRegularFileIsNamedAndHoldsUpNothing) {
  open();
  index_.reset();
  ASSERT_EQ(::mkfifo((options_.folder / "run-1-1-9-1.keys").c_str(), 0600), 0);
  auto opened = DedupeIndex::open(options_, kStart);
  EXPECT_NE(opened.unopened.find("run-1-1-9-1.keys"), std::string::npos) << opened.unopened;
  EXPECT_TRUE(opened.index->failed());
  EXPECT_FALSE(opened.index->find(numbered(1)).ok());
  fs::remove(options_.folder / "run-1-1-9-1.keys");
  EXPECT_TRUE(opened.index->reopen().ok());
  EXPECT_TRUE(opened.index->find(numbered(1)).ok());
}

TEST_F(DedupeIndexTest, AfterAFailedWriteNothingIsClaimedUntilItWasOpenedAgain) {
  open();
  put(1, 10);
  ASSERT_TRUE(index_->set_complete_before(3, kStart).ok());
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit tiny{1024, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tiny), 0);
  bool failed = false;
  for (std::uint64_t n = 100; n < 300 && !failed; ++n) {
    const std::vector<Entry> entries{{numbered(n), numbered(n, 2)}};
    failed = !index_->put(entries, kStart).ok();
  }
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ASSERT_TRUE(failed);
  EXPECT_TRUE(index_->failed());
  EXPECT_GT(index_->figures().failures, 0u);
  ASSERT_TRUE(index_->set_complete_before(4, kStart).ok());
  EXPECT_EQ(index_->complete_before(), 3u);
  const std::vector<Entry> more{{numbered(400), numbered(400, 2)}};
  EXPECT_FALSE(index_->put(more, kStart).ok()) << "a later key must not hide that an earlier one is missing";

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
