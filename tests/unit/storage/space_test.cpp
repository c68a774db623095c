// The journal's room on real disks: small budgets, and a tmpfs that is filled to the last block.
#include <atomic>
#include <thread>

#include "tests/support/small_tmpfs.h"
#include "tests/unit/storage/journal_fixture.h"

namespace hookspool::storage {
namespace {

using Kind = JournalError::Kind;

class RoomTest : public JournalTest {
 protected:
  RoomTest() {
    options_.bytes_max = 8 << 20;
    options_.segment_bytes_max = 256 << 10;
  }
  // Appends events of 40,000 bytes until one is refused, and says why; fails after `most`.
  Kind fill(const std::string& lane, int& accepted, int most = 2'000) {
    for (accepted = 0; accepted < most; ++accepted) {
      const auto stored = journal_->append(make_event(lane, accepted, 40'000));
      if (!stored.ok()) {
        last_text_ = stored.error().text;
        return stored.error().kind;
      }
    }
    ADD_FAILURE() << "never refused";
    return Kind::kNotFound;
  }
  void confirm(const std::string& lane) {
    for (const LaneRun& run : journal_->runs(lane))
      journal_->confirm(lane, run.epoch, Position{run.last_seq, Uuid{}});
  }
  LaneUsage use_of(const std::string& lane) const {
    for (const LaneUsage& use : journal_->admin().lane_usages()) {
      if (use.lane == lane) return use;
    }
    return {};
  }
  std::string last_text_;
};

TEST_F(RoomTest, OtherLimitsCountFromTheNextEventOn) {
  options_.lane_quotas["noisy"] = {1 << 20, false};
  options_.lane_quotas["quiet"] = {4 << 20, false};
  open();
  int before = 0, more = 0;
  ASSERT_EQ(fill("noisy", before), Kind::kLaneFull) << last_text_;
  JournalOptions wider = options_;
  wider.lane_quotas["noisy"].bytes_max = 2 << 20;
  wider.lane_quotas.erase("quiet");
  wider.bytes_max = 12 << 20;
  journal_->admin().set_quotas(wider);
  EXPECT_EQ(fill("noisy", more), Kind::kLaneFull) << last_text_;
  EXPECT_NEAR(more, before, 5) << "as much again";
  EXPECT_EQ(use_of("noisy").bytes_max, 2u << 20);
  EXPECT_EQ(use_of("quiet").lane, "") << "no longer known";
  EXPECT_EQ(journal_->admin().stats().bytes_max, 12u << 20);
  JournalOptions narrow = options_;
  narrow.bytes_max = 1 << 20;
  journal_->admin().set_quotas(narrow);
  EXPECT_EQ(fill("quiet", more), Kind::kFull) << last_text_;
  EXPECT_EQ(more, 0);
  EXPECT_FALSE(journal_->admin().stats().accepting);
  journal_->admin().set_quotas(options_);
  EXPECT_TRUE(journal_->append(make_event("quiet", 1, 40'000)).ok());
}

TEST_F(RoomTest, ANoisyLaneIsRefusedAtItsCeilingAndTheOthersAreNot) {
  options_.lane_quotas["noisy"] = {4 << 20, false};
  options_.lane_quotas["quiet"] = {4 << 20, false};
  open();
  int accepted = 0;
  ASSERT_EQ(fill("noisy", accepted), Kind::kLaneFull) << last_text_;
  EXPECT_GT(accepted, 90);
  EXPECT_LE(use_of("noisy").pending_bytes, 4u << 20);
  EXPECT_GT(use_of("noisy").pending_bytes, (4u << 20) - 50'000);
  EXPECT_NE(use_of("noisy").refused_because, "");
  EXPECT_EQ(use_of("quiet").refused_because, "");
  EXPECT_TRUE(journal_->admin().stats().accepting) << "others are taken";
  append("quiet", 1, 40'000);
  EXPECT_EQ(append_fails("noisy", accepted, 40'000), Kind::kLaneFull);

  confirm("noisy");
  EXPECT_EQ(use_of("noisy").pending_bytes, 0u);
  append("noisy", accepted, 40'000);
  EXPECT_EQ(bodies("noisy").back(), body_of("noisy", accepted, 40'000));
}

TEST_F(RoomTest, InTheLastStretchOnlyLanesWhoseSendersNeverSendAgain) {
  options_.lane_quotas["shop"] = {UINT64_MAX, true};
  options_.lane_quotas["code"] = {UINT64_MAX, false};
  open();
  int shop = 0, code = 0;
  ASSERT_EQ(fill("shop", shop), Kind::kLaneFull) << last_text_;
  EXPECT_TRUE(journal_->admin().stats().accepting);
  ASSERT_EQ(fill("code", code), Kind::kFull) << last_text_;
  EXPECT_GT(code, 10) << "a tenth of the budget was kept for it";
  EXPECT_FALSE(journal_->admin().stats().accepting);
  EXPECT_TRUE(journal_->admin().stats().full);
  confirm_all();
  append("shop", shop, 40'000);
  append("code", code, 40'000);
  EXPECT_TRUE(journal_->admin().stats().accepting);
}

TEST_F(RoomTest, DeliveredHistoryIsShedByTheBurstItselfAndNobodyIsRefused) {
  open();
  std::uint64_t most = 0;
  for (int n = 0; n < 600; ++n) {  // three times the budget, and drop_segment() is never called
    append("a", n, 40'000);
    if (n % 5 == 4) confirm("a");
    most = std::max(most, journal_->admin().stats().bytes);
  }
  EXPECT_EQ(journal_->admin().stats().events_refused, 0u);
  EXPECT_LE(most, options_.bytes_max);
  EXPECT_GT(most, options_.bytes_max / 2) << "history is kept as long as there is room";
}

TEST_F(RoomTest, UndeliveredEventsAreNeverShed) {
  open();
  int accepted = 0;
  ASSERT_EQ(fill("a", accepted), Kind::kFull);
  EXPECT_EQ(read_all("a", 500).size(), static_cast<std::size_t>(accepted));
}

// A lane that cannot be delivered keeps whole segments, other lanes' delivered events with them.
TEST_F(RoomTest, ALaneThatKeepsOthersHistoryIsChargedForItWhenRoomIsShort) {
  options_.lane_quotas["held"] = {4 << 20, false};
  options_.lane_quotas["busy"] = {4 << 20, false};
  open();
  int refused = 0;
  for (int n = 0; n < 600; ++n) {
    append("busy", n, 40'000);
    confirm("busy");
    // One small event in each segment, and none of them is ever confirmed.
    if (n % 4 == 0 && !journal_->append(make_event("held", n)).ok()) ++refused;
  }
  EXPECT_GT(refused, 0) << "the lane that is held has to give way";
  EXPECT_LT(use_of("held").pending_bytes, 100'000u) << "though what it holds itself is next to nothing";
  EXPECT_EQ(use_of("busy").refused_because, "");
}

TEST_F(RoomTest, WhatWaitsIsKnownAgainAfterARestart) {
  open();
  for (int n = 0; n < 200; ++n) append(n % 5 == 0 ? "small" : "large", n, n % 5 == 0 ? 1000 : 4000);
  const std::uint64_t small = use_of("small").pending_bytes, large = use_of("large").pending_bytes;
  EXPECT_NEAR(static_cast<double>(large), 160 * 4300.0, 50'000);
  EXPECT_EQ(journal_->admin().stats().pending_bytes, small + large);
  reopen();
  // By number and average now, of the files' sizes: what SQLite adds to each event counts too.
  EXPECT_GE(journal_->admin().stats().pending_bytes, small + large);
  EXPECT_LE(journal_->admin().stats().pending_bytes, 2 * (small + large));
  confirm_all();
  EXPECT_EQ(journal_->admin().stats().pending_bytes, 0u);
}

class FullDiskTest : public RoomTest {
 protected:
  FullDiskTest() {
    options_.folder = disk_.path() / "journal";
    options_.bytes_max = 64 << 20;
    options_.free_bytes_min = 0;
    options_.reserve_bytes = 2 << 20;
  }
  void TearDown() override { journal_.reset(); }  // before its disk goes
  std::uintmax_t reserve_size() const {
    std::error_code error;
    const auto size = std::filesystem::file_size(options_.folder / "reserve", error);
    return error ? 0 : size;
  }
  testing::SmallTmpfs disk_{"size=16m,nr_inodes=200"};
};

TEST_F(FullDiskTest, RefusesDrainsReclaimsAndGoesOn) {
  open();
  EXPECT_TRUE(journal_->admin().stats().reserve_held);
  EXPECT_EQ(reserve_size(), options_.reserve_bytes);
  int accepted = 0;
  ASSERT_EQ(fill("a", accepted), Kind::kFull) << last_text_;
  EXPECT_GT(accepted, 100);
  EXPECT_FALSE(journal_->admin().stats().accepting);
  EXPECT_TRUE(journal_->admin().stats().full);
  disk_.fill();
  ASSERT_EQ(read_all("a", 500).size(), static_cast<std::size_t>(accepted)) << "reading needs no room";

  confirm_all();
  ASSERT_TRUE(journal_->admin().save_cursors().ok()) << "the reserve is there for this";
  EXPECT_EQ(reserve_size(), 0u);
  EXPECT_FALSE(journal_->admin().stats().reserve_held);
  append("a", accepted, 40'000);  // sheds what was confirmed by itself
  EXPECT_TRUE(journal_->admin().stats().accepting) << journal_->admin().stats().refusing_because;
  for (const SegmentInfo& segment : journal_->admin().segments()) {
    EXPECT_TRUE(segment.active || !segment.delivered || journal_->admin().drop_segment(segment.number).ok());
  }
  ASSERT_TRUE(journal_->admin().save_cursors().ok());
  EXPECT_TRUE(journal_->admin().stats().reserve_held) << "there is room for it again";
  EXPECT_EQ(journal_->admin().stats().sealed_after_error, 0u);
}

TEST_F(FullDiskTest, TheLastSegmentCanGoThoughItsNewestIdMustBeWrittenDown) {
  open();
  for (int n = 0; n < 10; ++n) append("a", n, 4000);
  confirm_all();
  ASSERT_TRUE(journal_->admin().rotate().ok());
  disk_.fill();
  EXPECT_TRUE(journal_->admin().drop_segment(1).ok());
  EXPECT_TRUE(std::filesystem::exists(options_.folder / "greatest-id"));
  EXPECT_EQ(reserve_size(), 0u);
  EXPECT_EQ(journal_->admin().segments().size(), 0u);
}

TEST_F(FullDiskTest, TheRoomOfTheReserveIsNotForEvents) {
  open();
  append("a", 1);
  disk_.fill();
  ASSERT_TRUE(journal_->notes().write("sink", std::string(4000, 'x')).ok());
  ASSERT_EQ(reserve_size(), 0u) << "the note needed it";
  EXPECT_GT(journal_->admin().stats().free_bytes, 1u << 20);
  EXPECT_EQ(append_fails("a", 2), Kind::kFull);
  disk_.make_room();
  append("a", 2);
  ASSERT_TRUE(journal_->admin().save_cursors().ok());
  EXPECT_EQ(reserve_size(), options_.reserve_bytes);
}

TEST_F(FullDiskTest, AnUncleanJournalIsOpenedAndReadOnADiskThatIsFull) {
  // As a kill leaves it: the WAL beside the database, and no shared memory file.
  open();
  for (int n = 0; n < 50; ++n) append("a", n, 4000);
  const auto saved = folder_ / "as-it-was";
  std::filesystem::create_directory(saved);
  for (const auto& entry : std::filesystem::directory_iterator(options_.folder)) {
    const std::string name = entry.path().filename();
    if (!name.ends_with("-shm") && name != "lock" && name != "reserve")
      std::filesystem::copy_file(entry.path(), saved / name);
  }
  close();
  for (const auto& entry : std::filesystem::directory_iterator(options_.folder)) {
    if (entry.path().filename() != "reserve") std::filesystem::remove(entry.path());
  }
  for (const auto& entry : std::filesystem::directory_iterator(saved))
    std::filesystem::copy_file(entry.path(), options_.folder / entry.path().filename());
  ASSERT_EQ(reserve_size(), options_.reserve_bytes) << "it stays over restarts";
  disk_.fill();
  open();
  EXPECT_EQ(bodies("a"), expected_bodies("a", 0, 49, 4000));
  EXPECT_EQ(append_fails("a", 50, 4000), Kind::kFull);
  confirm_all();
  EXPECT_TRUE(journal_->admin().drop_segment(1).ok());
}

TEST_F(FullDiskTest, WithoutInodesTheSegmentAtHandGoesOn) {
  open();
  append("a", 0, 40'000);
  disk_.fill_inodes();
  for (int n = 1; n < 20; ++n) append("a", n, 40'000);  // three segments' worth
  EXPECT_EQ(journal_->admin().segments().size(), 1u);
  EXPECT_TRUE(journal_->admin().stats().accepting);
  disk_.make_room();
  for (int n = 20; n < 40; ++n) append("a", n, 40'000);
  EXPECT_GT(journal_->admin().segments().size(), 1u);
  EXPECT_EQ(bodies("a"), expected_bodies("a", 0, 39, 40'000));
}

TEST_F(FullDiskTest, WithoutInodesForTheFirstSegmentItIsFullUntilThereAreSome) {
  open();
  disk_.fill_inodes();
  EXPECT_EQ(append_fails("a", 1), Kind::kFull);
  EXPECT_TRUE(journal_->admin().stats().full);
  disk_.make_room();
  append("a", 1);
  EXPECT_TRUE(journal_->admin().stats().accepting);
}

}  // namespace
}  // namespace hookspool::storage
