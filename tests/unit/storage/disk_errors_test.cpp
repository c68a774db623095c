// A disk that answers with errors while the journal writes: what is sealed, what goes on, what is counted.
#include <sqlite3.h>

#include <cerrno>

#include "storage/salvage/salvage.h"
#include "tests/unit/storage/journal_fixture.h"
#include "tests/unit/storage/simulated_disk.h"

namespace hookspool::storage {
namespace {

using testing::DiskCall;
using testing::SimulatedDisk;

constexpr int kTriesMax = 200;
constexpr std::size_t kManyPages = 40'000;  // of bytes: some of its pages are lost, whatever the seed

class DiskErrorsTest : public JournalTest {
 protected:
  DiskErrorsTest() { options_.folder = disk_.root() / "journal"; }
  ~DiskErrorsTest() override { journal_.reset(); }

  bool appends(const std::string& lane, int n, std::size_t body_bytes = 100) {
    const auto stored = journal_->append(make_event(lane, n, body_bytes));
    if (stored.ok()) {
      accepted_.push_back(body_of(lane, n, body_bytes));
      return true;
    }
    EXPECT_TRUE(stored.error().kind == JournalError::Kind::kIo ||
                stored.error().kind == JournalError::Kind::kFull)
        << stored.error().text;
    return false;
  }

  // One failure: the file is sealed for good, the next event goes elsewhere, nothing accepted is missing.
  void check_one_failure(DiskCall call) {
    open();
    ASSERT_TRUE(appends("a", 1));
    const Uuid first = journal_->epoch();
    // The record of what was acknowledged is synced beside: it may meet the fault instead, which does no harm.
    int n = 2;
    for (; journal_->admin().stats().sealed_after_error == 0 && n < kTriesMax; ++n) {
      disk_.fail({.call = call, .nth = 1});
      (void)appends("a", n);
    }
    disk_.heal();
    ASSERT_EQ(journal_->admin().stats().sealed_after_error, 1u);
    EXPECT_NE(journal_->epoch(), first);
    const std::string sealed = read_file(segment_file(1)) + read_file(segment_file(1).string() + "-wal");
    ASSERT_TRUE(appends("a", n)) << "the next segment takes over";
    EXPECT_TRUE(journal_->admin().stats().accepting);
    EXPECT_EQ(journal_->admin().segments().size(), 2u);
    EXPECT_EQ(bodies("a"), accepted_) << "the old one is drained";
    close();
    EXPECT_EQ(read_file(segment_file(1)) + read_file(segment_file(1).string() + "-wal"), sealed);
    open();
    EXPECT_TRUE(losses_.empty());
    EXPECT_EQ(bodies("a"), accepted_) << "what was refused is sent again, and would be there twice";
  }

  // From some moment on it fails for ever: not ready, drained all the same, well again when the disk is.
  void check_failing_for_ever(DiskCall call) {
    open();
    for (int n = 1; n <= 5; ++n) ASSERT_TRUE(appends("a", n));
    disk_.fail({.call = call, .nth = 1, .from_then_on = true});
    for (int n = 6; n <= 9; ++n) EXPECT_FALSE(appends("a", n));
    EXPECT_EQ(journal_->admin().stats().sealed_after_error, 1u)
        << "what could not be made is nothing to seal";
    EXPECT_FALSE(journal_->admin().stats().accepting);
    EXPECT_FALSE(journal_->admin().stats().full);
    EXPECT_EQ(journal_->admin().stats().events_refused, 4u);
    EXPECT_EQ(bodies("a"), accepted_);
    disk_.heal();
    ASSERT_TRUE(journal_->admin().save_cursors().ok()) << "it tries the disk without an event";
    EXPECT_TRUE(journal_->admin().stats().accepting);
    ASSERT_TRUE(appends("a", 10));
    EXPECT_EQ(bodies("a"), accepted_);
  }

  // A group whose sync fails: its event is refused. Some of its pages are on the disk, the others in the page cache alone.
  // Until a group meets it; the record of what was acknowledged may meet it first. Answers the number of the event that was
  // refused, whose group the page cache has whole.
  int fail_a_sync(bool from_then_on) {
    int n = 2;
    for (; journal_->admin().stats().sealed_after_error == 0 && n < kTriesMax; ++n) {
      disk_.fail({.call = DiskCall::kSync, .nth = 1, .from_then_on = from_then_on});
      (void)appends("a", n, kManyPages);
    }
    disk_.heal();
    EXPECT_EQ(journal_->admin().stats().sealed_after_error, 1u);
    return n - 1;
  }
  // The record cannot say that the event was refused, and the process ends before it could: a start will show it.
  void fail_all_syncs() { accepted_.push_back(body_of("a", fail_a_sync(true), kManyPages)); }
  void kill() {
    disk_.freeze();
    journal_.reset();
    disk_.after_kill();
  }
  void cut_power() {
    disk_.freeze();
    journal_.reset();
    disk_.power_cut();
  }

  // `nth`: which call of an opening makes the WAL durable.
  void check_waits_until_durable(DiskCall call, std::uint64_t nth) {
    open();
    ASSERT_TRUE(appends("a", 1));
    const Uuid epoch = journal_->epoch();
    fail_all_syncs();
    kill();
    disk_.fail({.call = call, .nth = nth});
    open();
    disk_.heal();
    ASSERT_EQ(journal_->admin().stats().unreadable_segments, 1u);
    EXPECT_TRUE(losses_.empty());
    const auto read = journal_->read("a", epoch, 1, 100, 1 << 20);
    ASSERT_FALSE(read.ok()) << "what is not known to be durable is never given out";
    EXPECT_EQ(read.error().kind, JournalError::Kind::kIo) << read.error().text;
    EXPECT_TRUE(journal_->admin().try_unreadable().found);
    EXPECT_EQ(bodies("a"), accepted_);
    cut_power();
    open();
    EXPECT_EQ(bodies("a"), accepted_);
    EXPECT_TRUE(losses_.empty());
  }

  SimulatedDisk disk_{1};
  std::vector<std::string> accepted_;
};

TEST_F(DiskErrorsTest, OneFailedSyncSealsTheFile) {
  check_one_failure(DiskCall::kSync);
}
TEST_F(DiskErrorsTest, OneFailedWriteSealsTheFile) {
  check_one_failure(DiskCall::kWrite);
}
TEST_F(DiskErrorsTest, SyncsThatFailForEver) {
  check_failing_for_ever(DiskCall::kSync);
}
TEST_F(DiskErrorsTest, WritesThatFailForEver) {
  check_failing_for_ever(DiskCall::kWrite);
}

// What a start shows may be delivered, and its repeats are answered as duplicates: so it has to be on the disk.
TEST_F(DiskErrorsTest, WhatAStartShowsAfterAFailedSyncOutlivesAPowerCut) {
  open();
  ASSERT_TRUE(appends("a", 1));
  fail_all_syncs();
  kill();
  open();
  ASSERT_EQ(bodies("a"), accepted_) << "the page cache has it";
  cut_power();
  open();
  EXPECT_EQ(bodies("a"), accepted_);
  EXPECT_TRUE(losses_.empty());
}

// A sender sends again what was refused: if the next start showed the refused one as well, it would be there twice.
TEST_F(DiskErrorsTest, WhatAFailedSyncRefusedIsNotShownLater) {
  open();
  ASSERT_TRUE(appends("a", 1));
  const int refused = fail_a_sync(false);
  ASSERT_TRUE(appends("a", refused, kManyPages)) << "it is sent again";
  ASSERT_TRUE(appends("b", 1));
  kill();
  open();
  EXPECT_EQ(bodies("a"), std::vector<std::string>(accepted_.begin(), accepted_.end() - 1));
  EXPECT_TRUE(losses_.empty());
  cut_power();
  open();
  EXPECT_EQ(bodies("a"), std::vector<std::string>(accepted_.begin(), accepted_.end() - 1));
  EXPECT_TRUE(losses_.empty());
}

TEST_F(DiskErrorsTest, ASegmentWhoseOnlyGroupWasRefusedIsRemoved) {
  open();
  ASSERT_TRUE(appends("a", 1));
  reopen();
  for (int n = 2; journal_->admin().stats().sealed_after_error == 0 && n < kTriesMax; ++n) {
    reopen();
    disk_.fail({.call = DiskCall::kSync, .nth = static_cast<std::uint64_t>(n)});
    (void)appends("a", n);
  }
  disk_.heal();
  ASSERT_EQ(journal_->admin().stats().sealed_after_error, 1u);
  ASSERT_EQ(journal_->admin().segments().back().events, 0u);
  const std::uint64_t sealed = journal_->admin().segments().back().number;
  ASSERT_TRUE(std::filesystem::exists(segment_file(sealed)));
  kill();
  open();
  EXPECT_EQ(bodies("a"), accepted_);
  EXPECT_TRUE(losses_.empty());
  EXPECT_TRUE(notes_.empty()) << notes_.front();
  EXPECT_FALSE(std::filesystem::exists(segment_file(sealed)));
}

// Until the record says what was refused, nothing is taken: the refused event may be sent again and be there twice.
TEST_F(DiskErrorsTest, NothingIsTakenBeforeARefusalIsOnTheDisk) {
  for (const DiskCall call : {DiskCall::kOpen, DiskCall::kWrite, DiskCall::kSync, DiskCall::kRename}) {
    accepted_.clear();
    options_.folder = disk_.root() / ("journal-" + std::to_string(static_cast<int>(call)));
    open();
    ASSERT_TRUE(appends("a", 1));
    const int refused = fail_a_sync(true);
    disk_.fail({.call = call, .nth = 1});
    EXPECT_FALSE(appends("a", refused, kManyPages)) << "the new segment alone could be made";
    disk_.fail({.call = call, .nth = 1, .from_then_on = true});
    for (int n = 0; n < 3; ++n) EXPECT_FALSE(appends("a", refused, kManyPages));
    EXPECT_FALSE(journal_->admin().stats().accepting);
    EXPECT_EQ(bodies("a"), accepted_);
    disk_.heal();
    ASSERT_TRUE(appends("a", refused, kManyPages));
    EXPECT_TRUE(journal_->admin().stats().accepting);
    kill();
    open();
    EXPECT_EQ(bodies("a"), accepted_);
    journal_.reset();
  }
}

TEST_F(DiskErrorsTest, SalvageLeavesOutWhatWasRefused) {
  open();
  ASSERT_TRUE(appends("a", 1));
  const int refused = fail_a_sync(false);
  ASSERT_TRUE(appends("a", refused, kManyPages));
  journal_.reset();
  std::filesystem::rename(segment_file(1), options_.folder / "damaged-segment-00000001.db");
  std::filesystem::rename(segment_file(1).string() + "-wal",
                          options_.folder / "damaged-segment-00000001.db-wal");
  SalvageOptions salvaging;
  salvaging.folder = options_.folder;
  salvaging.vfs = options_.vfs;
  const auto report = salvage(salvaging);
  ASSERT_TRUE(report.ok()) << report.error().text;
  ASSERT_EQ(report->files.size(), 1u);
  EXPECT_EQ(report->files.at(0).refused, 1u);
  EXPECT_EQ(report->files.at(0).imported, accepted_.size() - 1);
  open();
  EXPECT_EQ(bodies("a"), accepted_);
}

// Of a lost machine's disk as well, where the record was copied with its segment.
TEST_F(DiskErrorsTest, AnImportLeavesOutWhatWasRefusedElsewhere) {
  open();
  ASSERT_TRUE(appends("a", 1));
  const int refused = fail_a_sync(false);
  ASSERT_TRUE(appends("a", refused, kManyPages));
  journal_.reset();
  const auto lost = options_.folder;
  options_.folder = disk_.root() / "new-journal";
  open();
  journal_.reset();
  SalvageOptions importing;
  importing.folder = options_.folder;
  importing.vfs = options_.vfs;
  importing.files = {lost / "segment-00000001.db"};
  const auto report = salvage(importing);
  ASSERT_TRUE(report.ok()) << report.error().text;
  EXPECT_EQ(report->files.at(0).refused, 1u);
  open();
  EXPECT_EQ(bodies("a").size(), accepted_.size() - 1);
}

TEST_F(DiskErrorsTest, AWalThatCannotBeWrittenAgainWaits) {
  check_waits_until_durable(DiskCall::kWrite, 2);  // after the pid in the file `lock`
}
TEST_F(DiskErrorsTest, AWalThatCannotBeSyncedWaits) {
  check_waits_until_durable(DiskCall::kSync, 3);  // after the folder's name and the names in it
}

TEST_F(DiskErrorsTest, AReadThatFailsIsAnErrorAndNotALoss) {
  open();
  for (int n = 1; n <= 40; ++n) ASSERT_TRUE(appends("a", n, 2000));
  const Uuid epoch = journal_->epoch();
  reopen();
  disk_.fail({.call = DiskCall::kRead, .nth = 1, .from_then_on = true});
  const auto failed = journal_->read("a", epoch, 1, 100, 1 << 20);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind, JournalError::Kind::kIo) << "it may pass: " << failed.error().text;
  disk_.heal();
  EXPECT_EQ(bodies("a"), accepted_);
}

TEST_F(DiskErrorsTest, ARecordThatCannotBeWrittenIsCountedAndRefusesNothing) {
  open();
  ASSERT_TRUE(appends("a", 1));
  int n = 2;
  for (std::uint64_t nth = 1; journal_->admin().stats().acked_record_failures == 0 && n < kTriesMax;
       ++n, ++nth) {
    disk_.heal();
    ASSERT_TRUE(appends("a", n++)) << "there is a segment again";
    // Writes of a group: some to the WAL, then the record's.
    disk_.fail({.call = DiskCall::kWrite, .nth = nth});
    const std::uint64_t sealed = journal_->admin().stats().sealed_after_error;
    const bool accepted = appends("a", n);
    EXPECT_EQ(accepted, journal_->admin().stats().sealed_after_error == sealed) << n;
  }
  disk_.heal();
  EXPECT_EQ(journal_->admin().stats().acked_record_failures, 1u);
  EXPECT_TRUE(journal_->admin().stats().accepting);
  ASSERT_TRUE(appends("a", n));
  reopen();
  EXPECT_TRUE(losses_.empty());
  EXPECT_GE(bodies("a").size(), accepted_.size());
}

TEST_F(DiskErrorsTest, WithoutAnInodeForTheNextSegmentTheFullOneGoesOn) {
  options_.segment_bytes_max = 64 << 10;
  open();
  int n = 1;
  ASSERT_TRUE(appends("a", n++, 3000));
  disk_.fail({.call = DiskCall::kOpen, .nth = 1, .from_then_on = true, .error = ENOSPC});
  while (n <= 60) ASSERT_TRUE(appends("a", n++, 3000));
  EXPECT_EQ(journal_->admin().segments().size(), 1u);
  EXPECT_GT(journal_->admin().segments().at(0).bytes, 2 * options_.segment_bytes_max);
  EXPECT_GT(journal_->admin().stats().rotation_failures, 0u);
  EXPECT_LT(journal_->admin().stats().rotation_failures, 60u) << "not with every group";
  EXPECT_TRUE(journal_->admin().stats().accepting);
  EXPECT_EQ(journal_->admin().stats().sealed_after_error, 0u);
  disk_.heal();
  while (n <= 100) ASSERT_TRUE(appends("a", n++, 3000));
  EXPECT_GT(journal_->admin().segments().size(), 1u);
  EXPECT_EQ(bodies("a"), accepted_);
  ASSERT_EQ(journal_->runs("a").size(), 1u) << "one epoch, no hole";
}

TEST_F(DiskErrorsTest, AFailedCheckpointIsCountedAndSealsTheFile) {
  options_.segment_bytes_max = 1 << 20;
  open();
  int n = 1;
  ASSERT_TRUE(appends("a", n++, 3000));
  // More writes than a group has: only a checkpoint after it gets that far.
  constexpr std::uint64_t kNth = 20;
  for (; journal_->admin().stats().checkpoint_failures == 0 && n < kTriesMax; ++n) {
    disk_.fail({.call = DiskCall::kWrite, .nth = kNth});
    ASSERT_TRUE(appends("a", n, 3000)) << "the group was synced before";
    (void)journal_->admin().save_cursors();  // comes back when the checkpoint after the answers has been
  }
  ASSERT_TRUE(appends("a", n, 3000));
  EXPECT_EQ(journal_->admin().stats().checkpoint_failures, 1u);
  EXPECT_EQ(journal_->admin().stats().sealed_after_error, 1u);
  EXPECT_FALSE(journal_->admin().stats().last_error.empty());
  disk_.heal();
  EXPECT_EQ(bodies("a"), accepted_);
}

// A query that does not end keeps the WAL from being begun anew, not events from being accepted.
TEST_F(DiskErrorsTest, ALongReaderMakesTheWalGrowAsFarAsTheSegmentMay) {
  options_.segment_bytes_max = 256 << 10;
  open();
  int n = 1;
  ASSERT_TRUE(appends("a", n++, 3000));
  sqlite3* reader = nullptr;
  ASSERT_EQ(sqlite3_open_v2(segment_file(1).c_str(), &reader, SQLITE_OPEN_READONLY, nullptr), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM events", nullptr, nullptr, nullptr), SQLITE_OK);
  std::uint64_t wal_bytes_max = 0;
  while (journal_->admin().segments().size() == 1 && n < kTriesMax) {
    ASSERT_TRUE(appends("a", n++, 3000));
    wal_bytes_max = std::max(wal_bytes_max, journal_->admin().stats().wal_bytes);
  }
  EXPECT_EQ(journal_->admin().segments().size(), 2u);
  EXPECT_GT(wal_bytes_max, options_.segment_bytes_max / 2) << "it shows";
  EXPECT_LT(wal_bytes_max, 2 * options_.segment_bytes_max);
  while (journal_->admin().segments().size() < 3 && n < kTriesMax) ASSERT_TRUE(appends("a", n++, 3000));
  EXPECT_LT(journal_->admin().stats().wal_bytes, options_.segment_bytes_max / 2)
      << "the next ones are checkpointed";
  sqlite3_close(reader);
  EXPECT_EQ(bodies("a"), accepted_);
}

}  // namespace
}  // namespace hookspool::storage
