// The index of deliveries on a disk whose power is cut and whose calls fail: what it says it is complete for it knows, with
// the right events, whatever happened before.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <random>
#include <vector>

#include "storage/dedupe/dedupe_index.h"
#include "tests/unit/storage/simulated_disk.h"

namespace hookspool::storage {
namespace {

using testing::DiskCall;
using testing::DiskFault;
using testing::SimulatedDisk;

constexpr std::uint64_t kSeeds = 40;
constexpr std::uint64_t kRunsMax = 20'000;
constexpr std::uint64_t kKeysOfASegment = 3'000;
constexpr std::uint64_t kKeysMax =
    400'000;  // more than are put, the repeated ones too; a generation is full at a quarter
constexpr std::size_t kStride = 11;  // of the keys that are looked up

Uuid random_id(std::mt19937_64& random) {
  Uuid id;
  for (std::uint8_t& byte : id.bytes) byte = static_cast<std::uint8_t>(random());
  return id;
}

// An index that is fed segment by segment, as the agent does, and the truth beside it.
class Trial {
 public:
  explicit Trial(std::uint64_t seed, std::uint64_t keys_max = kKeysMax)
      : keys_max_(keys_max), random_(seed), disk_(seed) {}

  SimulatedDisk& disk() { return disk_; }
  void open() {
    index_.reset();
    auto opened = DedupeIndex::open({disk_.root() / "dedupe", keys_max_}, {});
    index_ = std::move(opened.index);
  }
  void close() { index_.reset(); }

  // One segment's keys; errors are what is expected, and answered by an opening.
  void feed() {
    const std::uint64_t segment = keys_.size() + 1;
    std::vector<KeyEntry>& entries = keys_[segment];
    for (std::uint64_t i = 0; i < kKeysOfASegment; ++i)
      entries.push_back({random_id(random_), random_id(random_)});
    catch_up(segment);
  }
  // Puts what the index lacks, up to this segment, and says so.
  void catch_up(std::uint64_t segment) {
    if (index_->failed() && !index_->reopen().ok()) return;
    for (std::uint64_t n = std::max<std::uint64_t>(index_->complete_before(), 1); n <= segment; ++n) {
      if (!index_->put(keys_[n], {}).ok()) return;
    }
    (void)index_->set_complete_before(segment + 1, {});
  }
  void expect_complete() {
    std::uint64_t missing = 0, wrong = 0, checked = 0;
    for (const auto& [segment, entries] : keys_) {
      if (segment >= index_->complete_before()) break;
      for (std::size_t i = random_() % kStride; i < entries.size(); i += kStride) {
        const KeyEntry& entry = entries[i];
        const auto found = index_->find(entry.key);
        ASSERT_TRUE(found.ok()) << found.error().text;
        ++checked;
        if (!*found) ++missing;
        if (*found && **found != entry.event_id) ++wrong;
      }
    }
    EXPECT_EQ(missing, 0u) << "of " << checked << ", complete before " << index_->complete_before();
    EXPECT_EQ(wrong, 0u);
    checked_ += checked;
  }
  std::size_t runs() const {
    std::size_t runs = 0;
    for (const auto& entry : std::filesystem::directory_iterator(disk_.root() / "dedupe"))
      runs += entry.path().filename().string().starts_with("run-") ? 1u : 0u;
    return runs;
  }
  void damage_a_run() {
    for (const auto& entry : std::filesystem::directory_iterator(disk_.root() / "dedupe")) {
      if (!entry.path().filename().string().starts_with("run-")) continue;
      std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(-1, std::ios::end).put('x');
      return;
    }
    ADD_FAILURE() << "there is no run";
  }
  std::uint64_t segments() const { return keys_.size(); }
  std::uint64_t checked() const { return checked_; }
  std::mt19937_64& random() { return random_; }

 private:
  const std::uint64_t keys_max_;
  std::mt19937_64 random_;
  SimulatedDisk disk_;
  std::unique_ptr<DedupeIndex> index_;
  std::map<std::uint64_t, std::vector<KeyEntry>> keys_;  // by segment
  std::uint64_t checked_ = 0;
};

TEST(DedupeFaults, WhatItIsCompleteForOutlivesAPowerCut) {
  std::uint64_t checked = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Trial trial(seed);
    for (int life = 0; life < 4; ++life) {
      trial.open();
      if (life > 0) trial.expect_complete();
      trial.disk().freeze_at(1 + trial.random()() % 120);
      for (int i = 0; i < 6; ++i) trial.feed();
      trial.disk().freeze();
      trial.close();
      trial.disk().power_cut();
    }
    trial.open();
    trial.expect_complete();
    trial.catch_up(trial.segments());
    trial.expect_complete();
    checked += trial.checked();
  }
  std::cout << kSeeds << " seeds, " << checked << " keys looked up\n";
  EXPECT_GT(checked, 100'000u);
}

// Every call that can fail does, one run for each; afterwards the power is cut.
TEST(DedupeFaults, WhatItIsCompleteForOutlivesEveryFailingCall) {
  std::uint64_t runs = 0;
  for (const DiskCall call : {DiskCall::kOpen, DiskCall::kRead, DiskCall::kWrite, DiskCall::kSync,
                              DiskCall::kRename, DiskCall::kUnlink}) {
    for (const int error : {EIO, ENOSPC}) {
      for (std::uint64_t nth = 1; nth < kRunsMax; ++nth) {
        SCOPED_TRACE("call " + std::to_string(static_cast<int>(call)) + ", nth " + std::to_string(nth));
        Trial trial(nth);
        trial.open();
        for (int i = 0; i < 5; ++i) trial.feed();
        trial.disk().fail({.call = call, .nth = nth, .error = error});
        trial.open();
        for (int i = 0; i < 2; ++i) trial.feed();
        const bool failed = trial.disk().faults() > 0;
        trial.disk().heal();
        trial.feed();
        trial.expect_complete();
        trial.disk().freeze();
        trial.close();
        trial.disk().power_cut();
        trial.open();
        trial.expect_complete();
        ++runs;
        if (!failed) break;
        ASSERT_LT(nth + 1, kRunsMax);
      }
    }
  }
  std::cout << runs << " runs\n";
  EXPECT_GT(runs, 30u);
}

// A disk that takes what is written and gives back nothing: runs cannot be merged, and do not become ever more.
TEST(DedupeFaults, RunsThatCannotBeMergedHaveALimit) {
  Trial trial(1, 100'000'000);
  trial.open();
  trial.disk().fail({.call = DiskCall::kRead, .nth = 1, .from_then_on = true, .error = EIO});
  constexpr std::uint64_t kSegments =
      2 * DedupeIndex::kUnmergedRunsMax * DedupeIndex::kLogKeysMax / kKeysOfASegment;
  for (std::uint64_t i = 0; i < kSegments; ++i) trial.feed();
  EXPECT_EQ(trial.runs(), DedupeIndex::kUnmergedRunsMax);
  trial.disk().heal();
  trial.feed();
  trial.feed();
  EXPECT_LT(trial.runs(), DedupeIndex::kUnmergedRunsMax);
}

// A run that is damaged takes complete_before with it, also if the opening that finds it fails, or is killed half way.
TEST(DedupeFaults, WhatDamageTookIsNotForgottenByAnOpeningThatFails) {
  std::uint64_t runs = 0;
  for (const bool killed : {false, true}) {
    for (std::uint64_t nth = 1; nth < kRunsMax; ++nth) {
      SCOPED_TRACE((killed ? "killed at change " : "write fails, the ") + std::to_string(nth));
      Trial trial(nth);
      trial.open();
      for (int i = 0; i < 7; ++i) trial.feed();
      trial.close();
      trial.damage_a_run();
      const auto changes = trial.disk().changes();
      killed ? trial.disk().freeze_at(nth) : trial.disk().fail({.call = DiskCall::kWrite, .nth = nth});
      trial.open();
      const bool struck = killed ? trial.disk().frozen() : trial.disk().faults() > 0;
      trial.disk().heal();
      trial.close();
      if (killed) trial.disk().after_kill();
      trial.open();
      trial.expect_complete();
      ++runs;
      if (!struck) break;
      ASSERT_LT(nth + 1, kRunsMax) << changes;
    }
  }
  std::cout << runs << " runs\n";
  EXPECT_GT(runs, 6u);
}

}  // namespace
}  // namespace hookspool::storage
