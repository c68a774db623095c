// Every call of an opening that can fail does, one run for each: a healthy file beside the segments is never set aside for it,
// and what it holds is there as soon as the disk is well again.
#include <gtest/gtest.h>

#include <filesystem>
#include <iostream>
#include <string>

#include "storage/side/dead_letter_store.h"
#include "storage/side/quarantine_store.h"
#include "tests/unit/storage/failing_heap.h"
#include "tests/unit/storage/simulated_disk.h"

namespace hookspool::storage {
namespace {

using testing::DiskCall;
using testing::FailingHeap;
using testing::SimulatedDisk;

constexpr int kThings = 3;
constexpr std::uint64_t kRunsMax = 2'000;

Uuid id_of(int number) {
  Uuid id;
  id.bytes[15] = static_cast<std::uint8_t>(number);
  return id;
}

struct DeadLetters {
  static bool fill(const std::filesystem::path& folder) {
    const auto opened = DeadLetterStore::open(folder);
    for (int number = 1; opened && number <= kThings; ++number) {
      DeadLetter letter;
      letter.id = id_of(number);
      letter.lane = "a";
      letter.body = "body";
      if (!opened->store->keep(letter)) return false;
    }
    return opened.ok();
  }
  // What a start does, and what is listed by the same store once the disk is well.
  template <class Heal>
  static std::size_t open_and_list(const std::filesystem::path& folder, Heal heal) {
    const auto opened = DeadLetterStore::open(folder);
    heal();
    if (!opened) return 0;
    const auto listed = opened->store->list("", {}, 100);
    return listed ? listed->size() : 0;
  }
};

struct Quarantine {
  static bool fill(const std::filesystem::path& folder) {
    QuarantineStore::Limits limits;
    limits.free_bytes_min = 0;
    const auto opened = QuarantineStore::open(folder, limits);
    for (int number = 1; opened && number <= kThings; ++number) {
      Quarantined request;
      request.id = id_of(number);
      request.source = "a";
      const auto kept = opened->store->keep(request);
      if (!kept || !kept->kept) return false;
    }
    return opened.ok();
  }
  // It is not opened by halves: what a start could not open the next one does.
  template <class Heal>
  static std::size_t open_and_list(const std::filesystem::path& folder, Heal heal) {
    auto opened = QuarantineStore::open(folder, {});
    heal();
    if (!opened) opened = QuarantineStore::open(folder, {});
    if (!opened) return 0;
    const auto listed = opened->store->list("", {}, 100);
    return listed ? listed->size() : 0;
  }
};

bool any_set_aside(const std::filesystem::path& folder) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().filename().string().starts_with("damaged-")) return true;
  }
  return false;
}

template <class Store>
class SideFileFaults : public ::testing::Test {};
using Stores = ::testing::Types<DeadLetters, Quarantine>;
TYPED_TEST_SUITE(SideFileFaults, Stores);

TYPED_TEST(SideFileFaults, OfTheDiskSetNothingAside) {
  std::uint64_t struck_runs = 0;
  for (const auto& [call, name] : testing::kDiskCalls) {
    for (const bool from_then_on : {false, true}) {
      for (std::uint64_t nth = 1; nth < kRunsMax; ++nth) {
        SCOPED_TRACE(std::string(name) + " number " + std::to_string(nth) +
                     (from_then_on ? " and later" : ""));
        SimulatedDisk disk(nth);
        ASSERT_TRUE(TypeParam::fill(disk.root()));
        const std::uint64_t before = disk.faults();
        disk.fail({call, nth, from_then_on, EIO});
        bool struck = false;
        EXPECT_EQ(TypeParam::open_and_list(disk.root(),
                                           [&] {
                                             struck = disk.faults() > before;
                                             disk.heal();
                                           }),
                  static_cast<std::size_t>(kThings));
        EXPECT_FALSE(any_set_aside(disk.root()));
        if (!struck) break;
        ++struck_runs;
      }
    }
  }
  std::cout << struck_runs << " openings with a fault\n";
  EXPECT_GT(struck_runs, 10u);
}

TYPED_TEST(SideFileFaults, OfTheHeapSetNothingAside) {
  std::uint64_t struck_runs = 0;
  for (const bool from_then_on : {false, true}) {
    for (std::uint64_t nth = 1; nth < kRunsMax; ++nth) {
      SCOPED_TRACE("allocation " + std::to_string(nth) + (from_then_on ? " and later" : ""));
      SimulatedDisk disk(nth);
      ASSERT_TRUE(TypeParam::fill(disk.root()));
      FailingHeap::fail(nth, from_then_on);
      std::uint64_t failures = 0;
      EXPECT_EQ(TypeParam::open_and_list(disk.root(), [&] { failures = FailingHeap::heal(); }),
                static_cast<std::size_t>(kThings));
      EXPECT_FALSE(any_set_aside(disk.root()));
      if (failures == 0) break;
      ++struck_runs;
    }
  }
  std::cout << struck_runs << " openings without memory\n";
  EXPECT_GT(struck_runs, 10u);
}

// The journal's event is on the disk: without this note it would be admitted once more.
TEST(QuarantineFile, AnAdmissionThatHasBegunOutlivesAPowerCut) {
  QuarantineStore::Limits limits;
  limits.free_bytes_min = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SimulatedDisk disk(seed);
    ASSERT_TRUE(Quarantine::fill(disk.root()));
    auto opened = QuarantineStore::open(disk.root(), limits);
    ASSERT_TRUE(opened) << opened.error().text;
    ASSERT_TRUE(opened->store->begin_admission(id_of(2), id_of(9), 5));
    disk.freeze();
    opened->store.reset();
    disk.power_cut();
    opened = QuarantineStore::open(disk.root(), limits);
    ASSERT_TRUE(opened) << opened.error().text;
    const auto admissions = opened->store->admissions();
    ASSERT_TRUE(admissions) << admissions.error().text;
    EXPECT_EQ(admissions->size(), 1u) << "seed " << seed;
  }
}

}  // namespace
}  // namespace hookspool::storage
