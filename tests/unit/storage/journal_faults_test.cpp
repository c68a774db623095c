// What the journal does when its files are not as it left them.
#include <sys/resource.h>

#include <csignal>
#include <functional>
#include <map>

#include "tests/unit/storage/journal_fixture.h"

namespace hookspool::storage {
namespace {

class JournalFaultTest : public JournalTest {
 protected:
  // The file loses its name in some way: the current group is refused, the next goes elsewhere.
  void check_lost_name(const std::function<void()>& lose) {
    open();
    append("a", 1);
    const Uuid first = journal_->epoch();
    lose();
    EXPECT_EQ(append_fails("a", 2), JournalError::Kind::kGone);
    EXPECT_NE(journal_->epoch(), first);
    EXPECT_EQ(journal_->admin().stats().sealed_after_error, 1u);
    EXPECT_FALSE(journal_->admin().stats().accepting);
    EXPECT_FALSE(journal_->admin().stats().full);

    const EventPtr next = append("a", 3);
    ASSERT_NE(next, nullptr);
    EXPECT_EQ(next->epoch, journal_->epoch());
    EXPECT_EQ(next->seq, 1u);
    EXPECT_TRUE(journal_->admin().stats().accepting);
    ASSERT_EQ(journal_->admin().segments().size(), 2u);
    EXPECT_EQ(journal_->admin().segments().at(0).events, 1u) << "the refused event does not show";
    EXPECT_EQ(journal_->runs("a").at(0).last_seq, 1u);
    EXPECT_EQ(bodies("a"), (std::vector<std::string>{body_of("a", 1), body_of("a", 3)}))
        << "what was acknowledged can be read, even where its file has no name";
    confirm_all();
    EXPECT_TRUE(journal_->admin().drop_segment(1).ok());
    EXPECT_EQ(journal_->admin().segments().size(), 1u);
  }
};

TEST_F(JournalFaultTest, ADeletedSegmentIsNoticedBeforeTheAcknowledgement) {
  check_lost_name([&] { std::filesystem::remove(segment_file(1)); });
}

TEST_F(JournalFaultTest, ARenamedSegmentIsNoticed) {
  check_lost_name([&] { std::filesystem::rename(segment_file(1), options_.folder / "mine now.db"); });
}

TEST_F(JournalFaultTest, ADeletedWalIsNoticed) {
  check_lost_name([&] { std::filesystem::remove(segment_file(1).string() + "-wal"); });
}

TEST_F(JournalFaultTest, AReplacedSegmentIsNoticed) {
  check_lost_name([&] {
    std::filesystem::copy_file(segment_file(1), folder_ / "copy");
    std::filesystem::rename(folder_ / "copy", segment_file(1));
  });
}

TEST_F(JournalFaultTest, ARemovedFolderIsAnErrorUntilItIsBack) {
  open();
  append("a", 1);
  std::filesystem::rename(options_.folder, folder_ / "elsewhere");
  EXPECT_EQ(append_fails("a", 2), JournalError::Kind::kGone);
  EXPECT_EQ(append_fails("a", 2), JournalError::Kind::kIo);
  EXPECT_EQ(append_fails("a", 2), JournalError::Kind::kIo);
  EXPECT_FALSE(journal_->admin().save_cursors().ok());
  EXPECT_FALSE(journal_->admin().stats().accepting);
  std::filesystem::rename(folder_ / "elsewhere", options_.folder);
  ASSERT_TRUE(journal_->admin().save_cursors().ok()) << "it tries the disk without an event";
  EXPECT_TRUE(journal_->admin().stats().accepting) << journal_->admin().stats().refusing_because;
  append("a", 3);
  const auto all = bodies("a");
  EXPECT_EQ(all.front(), body_of("a", 1));
  EXPECT_EQ(all.back(), body_of("a", 3));
}

// Makes every write beyond `bytes` of any file of this process fail, as a failing disk does.
class FailingWrites {
 public:
  explicit FailingWrites(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FailingWrites() { setrlimit(RLIMIT_FSIZE, &before_); }
  FailingWrites(const FailingWrites&) = delete;
  FailingWrites& operator=(const FailingWrites&) = delete;

 private:
  rlimit before_{};
};

TEST_F(JournalFaultTest, AFailedWriteSealsTheSegmentForGood) {
  open();
  append("a", 1);
  append("a", 2);
  const Uuid first = journal_->epoch();
  journal_->confirm("a", first, Position{1, Uuid{}});
  std::string sealed_db;
  std::string sealed_wal;
  {
    const FailingWrites failing(4096);
    EXPECT_EQ(append_fails("a", 3, 100'000), JournalError::Kind::kIo);
    EXPECT_NE(journal_->epoch(), first);
    sealed_db = read_file(segment_file(1));
    sealed_wal = read_file(segment_file(1).string() + "-wal");
    EXPECT_EQ(append_fails("a", 4), JournalError::Kind::kIo) << "a new segment cannot be made either";
    EXPECT_EQ(journal_->admin().stats().sealed_after_error, 1u);
    EXPECT_FALSE(journal_->admin().stats().accepting);
    EXPECT_EQ(journal_->runs("a").at(0).last_seq, 2u);
    EXPECT_EQ(journal_->read("a", first, 1, 10, 1 << 20)->size(), 2u) << "draining goes on";
  }
  append("a", 5);
  EXPECT_TRUE(journal_->admin().stats().accepting);
  EXPECT_EQ(bodies("a"), (std::vector<std::string>{body_of("a", 1), body_of("a", 2), body_of("a", 5)}));
  close();
  EXPECT_EQ(read_file(segment_file(1)), sealed_db) << "no checkpoint, not even at the end";
  EXPECT_EQ(read_file(segment_file(1).string() + "-wal"), sealed_wal);
  open();
  EXPECT_EQ(bodies("a"), (std::vector<std::string>{body_of("a", 1), body_of("a", 2), body_of("a", 5)}));
  EXPECT_EQ(journal_->runs("a").at(0).confirmed.seq, 1u)
      << "the cursor of the failed group came with the next";
}

TEST_F(JournalFaultTest, GarbageIsSetAsideAndReported) {
  open();
  append("a", 1);
  close();
  const std::string garbage(5000, 'x');
  write_file(segment_file(7), garbage);
  write_file(segment_file(7).string() + "-wal", garbage);
  write_file(segment_file(8).string() + "-wal", garbage);  // its database is gone
  open();
  ASSERT_EQ(notes_.size(), 2u);
  EXPECT_EQ(read_file(options_.folder / "damaged-segment-00000007.db"), garbage);
  EXPECT_EQ(read_file(options_.folder / "damaged-segment-00000007.db-wal"), garbage);
  EXPECT_EQ(read_file(options_.folder / "damaged-segment-00000008.db-wal"), garbage);
  EXPECT_FALSE(std::filesystem::exists(segment_file(7)));
  append("a", 2);
  EXPECT_EQ(journal_->admin().segments().back().number, 9u) << "no number is given twice";
  EXPECT_EQ(bodies("a"), expected_bodies("a", 1, 2));
  reopen();
  ASSERT_EQ(notes_.size(), 1u) << "each once; as long as they lie there a reminder";
  EXPECT_NE(notes_.front().find("2 damaged files"), std::string::npos) << notes_.front();
  EXPECT_NE(notes_.front().find("hookspool salvage"), std::string::npos) << notes_.front();
}

TEST_F(JournalFaultTest, ATruncatedSegmentIsSetAsideAndTheOthersServe) {
  options_.segment_bytes_max = 64 << 10;
  open();
  for (int n = 1; n <= 60; ++n) append("a", n, 3000);
  ASSERT_GE(journal_->admin().segments().size(), 3u);
  const std::size_t before = journal_->admin().segments().size();
  const Uuid epoch = journal_->epoch();
  journal_->confirm("a", epoch, Position{1, Uuid{}});
  close();
  std::filesystem::resize_file(segment_file(2), 8192);
  const std::string truncated = read_file(segment_file(2));
  open();
  ASSERT_EQ(notes_.size(), 1u);
  EXPECT_NE(notes_[0].find("segment-00000002.db"), std::string::npos) << notes_[0];
  EXPECT_EQ(read_file(options_.folder / "damaged-segment-00000002.db"), truncated)
      << "not changed, not repaired";
  // The record of what was acknowledged says which numbers are owed.
  EXPECT_EQ(journal_->admin().segments().size(), before);
  ASSERT_EQ(losses_.size(), 1u);
  const auto runs = journal_->runs("a");
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].last_seq, 60u);
  EXPECT_EQ(runs[0].confirmed.seq, 1u);
  const auto first = journal_->read("a", epoch, 1, 100, 1 << 20);
  ASSERT_TRUE(first.ok()) << first.error().text;
  const std::uint64_t lost_from = first->back()->seq + 1;
  const auto lost = journal_->read("a", epoch, lost_from, 100, 1 << 20);
  ASSERT_FALSE(lost.ok());
  EXPECT_EQ(lost.error().kind, JournalError::Kind::kCorrupt);
  const auto next = journal_->next_readable("a", epoch, lost_from, 1);
  ASSERT_TRUE(next.ok()) << next.error().text;
  EXPECT_EQ(journal_->admin().stats().lost, *next - lost_from);
  EXPECT_EQ(journal_->read("a", epoch, *next, 1, 1)->front()->seq, *next);
  confirm_all();
  ASSERT_TRUE(journal_->admin().drop_segment(2).ok()) << "it goes like any other";
  EXPECT_FALSE(std::filesystem::exists(options_.folder / "segment-00000002.acked"));
  reopen();
  EXPECT_TRUE(losses_.empty());
}

TEST_F(JournalFaultTest, ACopiedSegmentIsNotDeliveredTwice) {
  open();
  append("a", 1);
  close();
  std::filesystem::copy_file(segment_file(1), segment_file(5));
  open();
  ASSERT_EQ(notes_.size(), 1u);
  EXPECT_TRUE(std::filesystem::exists(options_.folder / "duplicate-segment-00000005.db"));
  EXPECT_EQ(bodies("a"), expected_bodies("a", 1, 1));
}

TEST_F(JournalFaultTest, RemnantsOfACrashWhileASegmentWasMadeAreRemoved) {
  open();
  append("a", 1);
  close();
  write_file(segment_file(2), "");
  write_file(options_.folder / "segment-00000003.new", std::string(4096, 'x'));
  write_file(options_.folder / "segment-00000003.new-wal", "");
  write_file(options_.folder / "segment-00000003.acked", "");
  open();
  EXPECT_TRUE(notes_.empty()) << notes_.front();
  EXPECT_EQ(file_names(),
            (std::vector<std::string>{"agent-id", "lock", "segment-00000001.acked", "segment-00000001.db"}));
  EXPECT_EQ(bodies("a"), expected_bodies("a", 1, 1));
}

TEST_F(JournalFaultTest, ANewerFormatIsRefusedUntouched) {
  open();
  append("a", 1);
  reopen();
  append("a", 2);
  close();
  std::string newer = read_file(segment_file(2));
  ASSERT_EQ(newer[63], 3);
  newer[63] = 4;  // PRAGMA user_version, big-endian at offset 60
  write_file(segment_file(2), newer);
  // A record that says otherwise would prove the database's header wrong.
  std::filesystem::remove(options_.folder / "segment-00000002.acked");
  write_file(segment_file(3), "garbage that would be set aside");
  write_file(options_.folder / "segment-00000004.new", "a remnant that would be removed");
  std::map<std::string, std::string> before;
  for (const std::string& name : file_names()) before[name] = read_file(options_.folder / name);
  const auto opened = Journal::open(options_);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().kind, JournalError::Kind::kTooNew);
  EXPECT_NE(opened.error().text.find("version 4"), std::string::npos) << opened.error().text;
  std::map<std::string, std::string> after;
  for (const std::string& name : file_names()) after[name] = read_file(options_.folder / name);
  EXPECT_EQ(before, after);
}

TEST_F(JournalFaultTest, AFlippedBitIsReportedWithTheEventsIdentity) {
  open();
  for (int n = 1; n <= 9; ++n) append("a", n);
  const Uuid epoch = journal_->epoch();
  close();
  std::string bytes = read_file(segment_file(1));
  const std::size_t at = bytes.find(body_of("a", 5));
  ASSERT_NE(at, std::string::npos);
  bytes[at + 50] ^= 0x10;
  write_file(segment_file(1), bytes);
  open();
  const auto before = journal_->read("a", epoch, 1, 100, 1 << 20);
  ASSERT_TRUE(before.ok()) << before.error().text;
  EXPECT_EQ(before->size(), 4u) << "those before it come first";
  const auto altered = journal_->read("a", epoch, 5, 100, 1 << 20);
  ASSERT_FALSE(altered.ok());
  EXPECT_EQ(altered.error().kind, JournalError::Kind::kCorrupt);
  EXPECT_NE(altered.error().text.find("event 5 of lane 'a'"), std::string::npos) << altered.error().text;
  EXPECT_NE(altered.error().text.find(epoch.to_string()), std::string::npos) << altered.error().text;
  EXPECT_EQ(journal_->read("a", epoch, 6, 100, 1 << 20)->size(), 4u) << "the others are not delayed";
}

TEST_F(JournalFaultTest, ADamagedWalThatHeldAllThereWasIsKept) {
  open();
  append("a", 1);
  const std::string wal = "segment-00000001.db-wal";
  for (const std::size_t offset : {0u, 20u, 50u, 3000u}) {  // its header, its salts, a frame's header, a page
    const auto dead = folder_ / ("dead at " + std::to_string(offset));
    std::filesystem::copy(options_.folder, dead);
    std::string bytes = read_file(dead / wal);
    bytes[offset] ^= 1;
    write_file(dead / wal, bytes);
    JournalOptions options = options_;
    options.folder = dead;
    const auto opened = Journal::open(options);
    ASSERT_TRUE(opened.ok()) << opened.error().text;
    ASSERT_EQ(opened->notes.size(), 1u) << offset;
    EXPECT_NE(opened->notes[0].find("missing until they are salvaged"), std::string::npos)
        << opened->notes[0];
    EXPECT_EQ(read_file(dead / ("damaged-" + wal)), bytes) << offset;
  }
}

// A disk writes what was not synced in any order: the frame that ends the first transaction may be there without the others.
TEST_F(JournalFaultTest, AFirstTransactionThatAPowerCutToreIsNoLoss) {
  open();
  append("a", 1);
  const auto dead = folder_ / "dead";
  std::filesystem::copy(options_.folder, dead);
  constexpr std::size_t kFirstFrame = 32;
  constexpr std::size_t kFrameBytes = 24 + 4096;
  constexpr std::size_t kFirstSlot = 128;
  std::string wal = read_file(dead / "segment-00000001.db-wal");
  ASSERT_GT(wal.size(), kFirstFrame + kFrameBytes);
  wal.replace(kFirstFrame, kFrameBytes, kFrameBytes, '\0');
  write_file(dead / "segment-00000001.db-wal", wal);
  std::string acked = read_file(dead / "segment-00000001.acked");
  acked.replace(kFirstSlot, acked.size() - kFirstSlot, acked.size() - kFirstSlot, '\0');
  write_file(dead / "segment-00000001.acked", acked);
  JournalOptions options = options_;
  options.folder = dead;
  const auto opened = Journal::open(options);
  ASSERT_TRUE(opened.ok()) << opened.error().text;
  EXPECT_TRUE(opened->losses.empty());
  ASSERT_EQ(opened->notes.size(), 1u);
  EXPECT_NE(opened->notes[0].find("never acknowledged"), std::string::npos) << opened->notes[0];
  EXPECT_EQ(read_file(dead / "damaged-segment-00000001.db-wal"), wal) << "kept all the same";
}

TEST_F(JournalFaultTest, AnIdAlteredOnTheDiskDoesNotSpoilTheNextOnes) {
  open();
  const EventPtr stored = append("a", 1);
  close();
  std::string bytes = read_file(segment_file(1));
  const std::string id(stored->id.bytes.begin(), stored->id.bytes.end());
  const std::size_t at = bytes.find(id);
  ASSERT_NE(at, std::string::npos);
  bytes[at] = '\x7f';
  write_file(segment_file(1), bytes);
  open();
  EXPECT_EQ(append("a", 2)->id.bytes[0], stored->id.bytes[0]);
}

}  // namespace
}  // namespace hookspool::storage
