// What a start does about a segment that it cannot read at the moment: it is neither damaged nor empty nor absent.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/small_tmpfs.h"
#include "tests/unit/storage/journal_fixture.h"

namespace hookspool::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kYearUs = 365ll * 24 * 3600 * 1'000'000;

constexpr uid_t kNobody = 65'534;

// Of this process, until it goes.
class DescriptorLimit {
 public:
  explicit DescriptorLimit(rlim_t descriptors) {
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    set({descriptors, before_.rlim_max});
  }
  ~DescriptorLimit() { set(before_); }
  DescriptorLimit(const DescriptorLimit&) = delete;
  DescriptorLimit& operator=(const DescriptorLimit&) = delete;

 private:
  static void set(const rlimit& limit) { EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0); }
  rlimit before_{};
};

// Root may read everything: until this goes, the process is another user.
class WithoutRights {
 public:
  WithoutRights() : before_(::geteuid()) {
    if (before_ == 0) {
      EXPECT_EQ(::seteuid(kNobody), 0);
    }
  }
  ~WithoutRights() { EXPECT_EQ(::seteuid(before_), 0); }
  WithoutRights(const WithoutRights&) = delete;
  WithoutRights& operator=(const WithoutRights&) = delete;

 private:
  const uid_t before_;
};

class UnreadableSegmentsTest : public JournalTest {
 protected:
  // As a kill leaves the folder: the WAL beside the database, no shared memory file. Then `journal_` is closed.
  void kill() {
    const auto copy = folder_ / "as-it-was";
    fs::remove_all(copy);
    fs::create_directory(copy);
    for (const auto& entry : fs::directory_iterator(options_.folder)) {
      const std::string name = entry.path().filename();
      if (!name.ends_with("-shm") && name != "lock" && fs::is_regular_file(entry.path()))
        fs::copy_file(entry.path(), copy / name);
    }
    close();
    for (const auto& entry : fs::directory_iterator(options_.folder)) {
      if (entry.path().filename() != "lock") fs::remove_all(entry.path());
    }
    for (const auto& entry : fs::directory_iterator(copy))
      fs::copy_file(entry.path(), options_.folder / entry.path().filename());
  }
  EventPtr append_at(const std::string& lane, int n, std::int64_t received_at_us) {
    Event event = make_event(lane, n);
    event.received_at_us = received_at_us;
    const auto stored = journal_->append(event);
    EXPECT_TRUE(stored.ok()) << stored.error().text;
    return stored.ok() ? *stored : nullptr;
  }
  // Reading a folder is an error, as reading a bad sector is.
  void make_unreadable(const fs::path& file) {
    fs::rename(file, file.string() + ".away");
    fs::create_directory(file);
  }
  void make_readable(const fs::path& file) {
    fs::remove(file);
    fs::rename(file.string() + ".away", file);
  }
  fs::path acked_file(std::uint64_t number) const { return segment_file(number).replace_extension(".acked"); }
};

// The soak with seed 271127: the clock had been a year ahead, the disk was full at the start, and there was no reserve.
TEST_F(UnreadableSegmentsTest, IdsGoOnWhereTheClockWasAheadAndTheDiskIsFullAtTheStart) {
  const testing::SmallTmpfs disk("size=16m");
  options_.folder = disk.path() / "journal";
  open();
  Uuid greatest;
  for (int n = 0; n < 20; ++n) greatest = append_at("a", n, kStartUs + kYearUs + n)->id;
  kill();
  disk.fill();
  open();
  EXPECT_EQ(journal_->admin().stats().unreadable_segments, 0u) << "reading needs no room";
  EXPECT_EQ(bodies("a"), expected_bodies("a", 0, 19));
  disk.make_room();
  EXPECT_GT(append_at("a", 20, kStartUs)->id, greatest);
  EXPECT_EQ(bodies("a"), expected_bodies("a", 0, 20));
  journal_.reset();
}

TEST_F(UnreadableSegmentsTest, IdsGoOnWhereTheNewestSegmentCannotBeRead) {
  open();
  Uuid greatest;
  for (int n = 0; n < 20; ++n) greatest = append_at("a", n, kStartUs + kYearUs + n)->id;
  kill();
  make_unreadable(segment_file(1));
  open();
  EXPECT_EQ(journal_->admin().stats().unreadable_segments, 1u);
  EXPECT_NE(journal_->admin().stats().unreadable_because.find("segment-00000001.db"), std::string::npos);
  EXPECT_EQ(journal_->admin().stats().lost, 0u);
  EXPECT_TRUE(losses_.empty());
  const EventPtr next = append_at("a", 20, kStartUs);
  EXPECT_GT(next->id, greatest);

  // The lane waits in its order: its oldest epoch is known by the record, and cannot be read.
  const auto runs = journal_->runs("a");
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs.front().last_seq, 20u);
  const auto read = journal_->read("a", runs.front().epoch, 1, 100, 1 << 20);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().kind, JournalError::Kind::kIo) << "not lost: " << read.error().text;
  EXPECT_FALSE(journal_->admin().try_unreadable().found);
  journal_->confirm("a", runs.front().epoch, Position{20, greatest});
  EXPECT_FALSE(journal_->admin().drop_segment(1).ok()) << "what it holds is not known";
  journal_->confirm("a", runs.front().epoch, Position{0, Uuid{}}, true);

  make_readable(segment_file(1));
  const auto late = journal_->admin().try_unreadable();
  EXPECT_TRUE(late.found);
  EXPECT_EQ(late.notes.size(), 1u);
  EXPECT_EQ(journal_->admin().stats().unreadable_segments, 0u);
  EXPECT_EQ(bodies("a"), expected_bodies("a", 0, 20));
  reopen();
  EXPECT_EQ(bodies("a"), expected_bodies("a", 0, 20));
}

TEST_F(UnreadableSegmentsTest, IdsGoOnWhereOnlyTheTimeOfTheFilesIsKnown) {
  open();
  const auto now_us = std::chrono::duration_cast<std::chrono::microseconds>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count();
  const EventPtr first = append_at("a", 0, now_us);
  kill();
  fs::remove(acked_file(1));
  make_unreadable(segment_file(1));
  open();
  const EventPtr next = append_at("a", 1, kStartUs);
  EXPECT_GT(next->id, first->id);
  EXPECT_EQ(bodies("a"), expected_bodies("a", 1, 1)) << "it is not known that this lane has more";
  make_readable(segment_file(1));
  ASSERT_TRUE(journal_->admin().try_unreadable().found);
  EXPECT_EQ(bodies("a"), expected_bodies("a", 0, 1)) << "the older epoch comes first";
  const auto runs = journal_->runs("a");
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs.front().epoch, first->epoch);
  EXPECT_TRUE(runs.back().current);
}

TEST_F(UnreadableSegmentsTest, ALaneWaitsBeforeAHoleThatMayLieInOne) {
  open();
  for (int n = 0; n < 30; ++n) {
    append("a", n);
    if (n % 10 == 9) {
      ASSERT_TRUE(journal_->admin().rotate().ok());
    }
  }
  close();
  fs::remove(acked_file(2));
  make_unreadable(segment_file(2));
  open();
  append("a", 30);
  EXPECT_EQ(bodies("a"), expected_bodies("a", 0, 9)) << "11 to 20 are not lost, so 21 has to wait";
  make_readable(segment_file(2));
  ASSERT_TRUE(journal_->admin().try_unreadable().found);
  EXPECT_EQ(bodies("a"), expected_bodies("a", 0, 30));
}

TEST_F(UnreadableSegmentsTest, ARecordThatCannotBeReadIsNotTakenForNone) {
  open();
  for (int n = 0; n < 10; ++n) append("a", n);
  close();
  make_unreadable(acked_file(1));
  open();
  EXPECT_EQ(journal_->admin().stats().unreadable_segments, 1u);
  make_readable(acked_file(1));
  ASSERT_TRUE(journal_->admin().try_unreadable().found);
  EXPECT_EQ(bodies("a"), expected_bodies("a", 0, 9));
  close();

  // The record alone is left, and cannot be read: what it says is owed stays owed.
  fs::remove(segment_file(1));
  make_unreadable(acked_file(1));
  open();
  close();
  make_readable(acked_file(1));
  open();
  EXPECT_EQ(losses_.size(), 1u);
}

TEST_F(UnreadableSegmentsTest, AWalThatCannotBeReadIsNotTakenForNone) {
  open();
  for (int n = 0; n < 10; ++n) append("a", n);
  kill();
  const std::string wal = segment_file(1).string() + "-wal";
  make_unreadable(wal);
  open();
  EXPECT_EQ(journal_->admin().stats().unreadable_segments, 1u);
  EXPECT_EQ(journal_->admin().stats().lost, 0u);
  EXPECT_TRUE(fs::exists(segment_file(1)));
  make_readable(wal);
  ASSERT_TRUE(journal_->admin().try_unreadable().found);
  EXPECT_EQ(bodies("a"), expected_bodies("a", 0, 9));
}

// A segment that was set aside is not looked at by later starts: what it alone knew must be kept.
TEST_F(UnreadableSegmentsTest, IdsGoOnAfterASegmentWasSetAside) {
  open();
  const Uuid greatest = append_at("a", 0, kStartUs + kYearUs)->id;
  close();
  write_file(segment_file(1), std::string(5000, 'x'));
  open();
  close();
  fs::remove(acked_file(1));
  open();
  EXPECT_EQ(journal_->admin().stats().set_aside_files, 1u);
  EXPECT_TRUE(std::any_of(notes_.begin(), notes_.end(), [](const std::string& note) {
    return note.find("run hookspool salvage --config") != std::string::npos;
  })) << "it is said at each start";
  EXPECT_GT(append_at("a", 1, kStartUs)->id, greatest);
}

// A start may run out of descriptors at any of its files.
TEST_F(UnreadableSegmentsTest, WithoutDescriptorsNothingIsDamagedAbsentOrEmpty) {
  open();
  for (int n = 0; n < 20; ++n) {
    append("a", n);
    if (n == 9) {
      ASSERT_TRUE(journal_->admin().rotate().ok());
    }
  }
  kill();
  const int next = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(next, 0);
  ::close(next);
  int refused = 0, waited = 0, opened = 0;
  for (int spare = 0; spare < 25; ++spare) {
    SCOPED_TRACE(spare);
    {
      const DescriptorLimit limit(static_cast<rlim_t>(next + spare));
      auto result = Journal::open(options_);
      if (!result) {
        EXPECT_EQ(result.error().kind, JournalError::Kind::kIo) << result.error().text;
        ++refused;
        continue;
      }
      EXPECT_TRUE(result->losses.empty());
      journal_ = std::move(result->journal);
    }
    ++(journal_->admin().stats().unreadable_segments > 0 ? waited : opened);
    EXPECT_EQ(journal_->admin().stats().lost, 0u);
    EXPECT_EQ(journal_->admin().stats().set_aside_files, 0u);
    (void)journal_->admin().try_unreadable();
    EXPECT_EQ(bodies("a"), expected_bodies("a", 0, 19));
    journal_.reset();
  }
  EXPECT_GT(refused, 0);
  EXPECT_GT(waited, 0);
  EXPECT_GT(opened, 0);
}

TEST_F(UnreadableSegmentsTest, FilesWithoutARightToReadThemWait) {
  open();
  for (int n = 0; n < 10; ++n) append("a", n);
  kill();
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown(folder_.path().c_str(), kNobody, static_cast<gid_t>(-1)), 0);
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path()))
      ASSERT_EQ(::chown(entry.path().c_str(), kNobody, static_cast<gid_t>(-1)), 0);
  }
  const WithoutRights without_rights;
  for (const fs::path& file : {segment_file(1), fs::path(segment_file(1).string() + "-wal"), acked_file(1)}) {
    SCOPED_TRACE(file);
    ASSERT_EQ(::chmod(file.c_str(), 0), 0);
    open();
    EXPECT_EQ(journal_->admin().stats().unreadable_segments, 1u);
    EXPECT_EQ(journal_->admin().stats().lost, 0u);
    EXPECT_TRUE(losses_.empty());
    ASSERT_EQ(::chmod(file.c_str(), 0600), 0);
    EXPECT_TRUE(journal_->admin().try_unreadable().found);
    EXPECT_EQ(bodies("a"), expected_bodies("a", 0, 9));
    close();
  }
}

// To open a FIFO waits for its other end, which would be for ever.
TEST_F(UnreadableSegmentsTest, AFifoInThePlaceOfAFileHoldsUpNoStart) {
  open();
  for (int n = 0; n < 10; ++n) append("a", n);
  ASSERT_TRUE(journal_->notes().write("x", "text").ok());
  kill();
  for (const char* name :
       {"lock", "agent-id", "greatest-id", "reserve", "note-x", "note-x.tmp", "segment-00000001.acked",
        "segment-00000001.db", "segment-00000001.db-wal", "segment-00000001.db-journal"}) {
    SCOPED_TRACE(name);
    const fs::path file = options_.folder / name, away = folder_ / "away";
    const bool there = fs::exists(file);
    if (there) fs::rename(file, away);
    ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
    auto opened = Journal::open(options_);
    if (opened) {
      EXPECT_TRUE(opened->losses.empty());
      EXPECT_EQ(opened->journal->admin().stats().set_aside_files, 0u);
      (void)opened->journal->notes().read("x");
      (void)opened->journal->notes().write("x", "text");
      opened->journal.reset();
    } else {
      EXPECT_NE(opened.error().text.find("is not a regular file"), std::string::npos) << opened.error().text;
    }
    fs::remove(file);
    if (there) fs::rename(away, file);
  }
  open();
  EXPECT_EQ(bodies("a"), expected_bodies("a", 0, 9));
}

TEST_F(UnreadableSegmentsTest, OnAFullDiskEmptySegmentsStayAndTheJournalOpens) {
  const testing::SmallTmpfs disk("size=16m");
  options_.folder = disk.path() / "journal";
  open();
  const Uuid greatest = append_at("a", 0, kStartUs + kYearUs)->id;
  confirm_all();
  ASSERT_TRUE(journal_->admin().rotate().ok());
  ASSERT_TRUE(journal_->admin().save_cursors().ok());  // a segment of cursors alone
  ASSERT_TRUE(journal_->admin().drop_segment(1).ok());
  close();
  disk.fill();
  open();
  disk.make_room();
  EXPECT_GT(append_at("a", 1, kStartUs)->id, greatest);
  journal_.reset();
}

}  // namespace
}  // namespace hookspool::storage
