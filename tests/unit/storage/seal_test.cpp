// A segment that is sealed after a failure: its connection goes over to the readers while they read.
#include <sqlite3.h>
#include <sys/resource.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "storage/file/folder.h"
#include "storage/segment/segment.h"
#include "tests/unit/storage/journal_fixture.h"

namespace hookspool::storage {
namespace {

sqlite3* newest_connection = nullptr;

extern "C" int note_connection(sqlite3* database, char** /*error*/, const void* /*api*/) {
  newest_connection = database;
  return SQLITE_OK;
}

class SealTest : public JournalTest {};

// Another thread may use the reader at once, and a connection is one thread's at a time: so nothing of it may be left to
// the object that wrote until then, not even a statement that is to be finalized.
TEST_F(SealTest, AReaderMadeOfTheWritersConnectionHasItForItself) {
  const auto hook = reinterpret_cast<void (*)()>(note_connection);
  ASSERT_EQ(sqlite3_auto_extension(hook), SQLITE_OK);
  {
    auto folder = Folder::open(options_.folder);
    ASSERT_TRUE(folder.ok());
    auto segment =
        ActiveSegment::create(**folder, "", {1, random_uuid(options_.random_bytes), Uuid{}, false});
    ASSERT_TRUE(segment.ok()) << segment.error().text;
    sqlite3* const connection = newest_connection;
    const std::unique_ptr<SegmentReader> reader = (*segment)->into_reader();
    ASSERT_NE(reader, nullptr);
    int statements = 0;
    for (sqlite3_stmt* each = sqlite3_next_stmt(connection, nullptr); each != nullptr;
         each = sqlite3_next_stmt(connection, each)) {
      ++statements;
    }
    EXPECT_EQ(statements, 1) << "the reader's own";
  }
  sqlite3_cancel_auto_extension(hook);
}

// Every write beyond a file's first page fails.
class FailingWrites {
 public:
  FailingWrites() {
    std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{4096, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FailingWrites() { setrlimit(RLIMIT_FSIZE, &before_); }
  FailingWrites(const FailingWrites&) = delete;
  FailingWrites& operator=(const FailingWrites&) = delete;

 private:
  rlimit before_{};
};

TEST_F(SealTest, SegmentsAreSealedUnderTheirReaders) {
  constexpr int kRounds = 20, kReaders = 3;
  open();
  std::atomic<bool> done = false;
  std::atomic<std::uint64_t> read = 0;
  const auto read_on = [&] {
    while (!done) {
      for (const LaneRun& run : journal_->runs("a")) {
        if (run.first_seq > run.last_seq) continue;
        const auto events = journal_->read("a", run.epoch, run.first_seq, 100, 1 << 20);
        if (events.ok()) read += events->size();
        EXPECT_TRUE(events.ok() || events.error().kind != JournalError::Kind::kCorrupt)
            << events.error().text;
      }
    }
  };
  std::vector<std::thread> readers;
  for (int n = 0; n < kReaders; ++n) readers.emplace_back(read_on);
  for (int n = 0; n < kRounds; ++n) {
    append("a", 2 * n);
    append("a", 2 * n + 1);
    const std::uint64_t before = read;
    while (read < before + 10) std::this_thread::yield();
    const FailingWrites failing;
    EXPECT_EQ(append_fails("a", 1000, 100'000), JournalError::Kind::kIo);
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(journal_->admin().stats().sealed_after_error, static_cast<std::uint64_t>(kRounds));
  EXPECT_EQ(bodies("a"), expected_bodies("a", 0, 2 * kRounds - 1));
}

}  // namespace
}  // namespace hookspool::storage
