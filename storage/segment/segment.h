// The segment that is being written: the one connection of the process that writes and checkpoints.
//
// Internal to storage/. Not thread-safe: it belongs to the writer's thread. After a failure that is not `usable` the file
// must never be written or checkpointed again (a failed sync leaves pages marked clean that are not on the disk): destroy
// the object, which touches nothing.
#pragma once

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "storage/file/folder.h"
#include "storage/model/event.h"
#include "storage/model/journal_error.h"
#include "storage/model/lane_run.h"
#include "storage/model/uuid.h"
#include "storage/segment/acked_record.h"
#include "storage/segment/segment_reader.h"

namespace hookspool::storage {

// Bytes of WAL at which it is copied into the database. Every append waits meanwhile, some 2.5 ms a MiB.
constexpr std::uint64_t kWalBytesMax = 1ull << 20;

struct NewLane {
  std::uint32_t number = 0;  // within this segment
  std::string name;
};

// What one transaction carries.
struct Group {
  std::vector<EventPtr> events;
  std::vector<std::uint32_t> lane_numbers;  // one for each event
  std::vector<std::string>
      packed_bodies;  // one for each event, empty where it is kept as it came; or none at all
  std::vector<NewLane> new_lanes;
  std::vector<Cursor> cursors;
  bool probe = false;  // write something even if there is nothing to write
};

struct SegmentFailure {
  JournalError error;
  bool usable = false;  // rolled back, and the file may be written again
};

struct SegmentIdentity {
  std::uint64_t number = 0;
  Uuid epoch;
  Uuid greatest_id;       // of everything that came before
  bool salvaged = false;  // see Journal::compared()
};

// An empty segment, in WAL mode.
JournalResult<void> make_segment_file(const std::filesystem::path& file, const std::string& vfs,
                                      const SegmentIdentity& identity);

inline constexpr const char* kInsertLaneSql = "INSERT INTO lanes(number, name) VALUES (?, ?)";
inline constexpr const char* kPutCursorSql =
    "INSERT OR REPLACE INTO cursors(epoch, lane, seq, id) VALUES (?, ?, ?, ?)";
// Binds without copying. Throws SQLite::Exception.
void put_cursor(SQLite::Statement& put, const Cursor& cursor);

class ActiveSegment {
 public:
  using Identity = SegmentIdentity;
  // Makes the file, complete and durable with its name, before anything can be acknowledged from it.
  static JournalResult<std::unique_ptr<ActiveSegment>> create(const Folder& folder, const std::string& vfs,
                                                              const Identity& identity);
  ~ActiveSegment();

  // One synced transaction, and then a look whether the file still has its name. kGone: the rows were written
  // into a file that is never found again.
  Result<void, SegmentFailure> commit(const Group& group);

  // How long SQLite's COMMIT of the last one took, by the steady clock: its pages into the WAL, and their sync.
  std::chrono::steady_clock::duration sync_took() const { return sync_took_; }

  // What was acknowledged, for the writer to note. An error: this segment has no such record.
  const JournalResult<std::shared_ptr<AckedRecord>>& acked() const { return acked_; }

  // Copies the WAL into the database when it has grown to `wal_bytes_max`; what readers hold back comes
  // later.
  Result<void, SegmentFailure> checkpoint_if_due(std::uint64_t wal_bytes_max);

  // Copies all of the WAL and closes the file. What readers hold back stays in the WAL, where it can be read.
  Result<void, SegmentFailure> finish();

  // After a failure: the connection goes on as a reader of what is durable, which another thread may use at once: nothing
  // of this object touches it any more. After that only the destructor may be called.
  std::unique_ptr<SegmentReader> into_reader();

  std::uint64_t bytes() const { return bytes_; }  // database and WAL, after the last commit
  std::uint64_t wal_bytes() const { return wal_bytes_; }
  const std::shared_ptr<SegmentFile>& file() const { return file_; }

 private:
  struct Name {
    std::string path;
    dev_t device = 0;
    ino_t inode = 0;
  };

  static JournalResult<std::unique_ptr<ActiveSegment>> make(const Folder& folder, const std::string& vfs,
                                                            const Identity& identity);
  ActiveSegment(std::shared_ptr<SegmentFile> file, std::unique_ptr<SQLite::Database> database,
                JournalResult<std::shared_ptr<AckedRecord>> acked);
  struct Statements {
    explicit Statements(SQLite::Database& database);
    SQLite::Statement insert_event, insert_lane, put_cursor;
  };
  void write(const Group& group);
  bool roll_back();
  JournalResult<void> remember_names();
  JournalResult<void> check_names();
  JournalError checkpoint_error(int code);
  SegmentFailure failure(const SQLite::Exception& error, const std::string& attempted);
  std::string path() const { return file_->path.string(); }

  std::shared_ptr<SegmentFile> file_;
  std::unique_ptr<SQLite::Database> database_;  // before the statements: it outlives them
  std::unique_ptr<Statements> statements_;      // none after into_reader()
  JournalResult<std::shared_ptr<AckedRecord>> acked_;
  std::vector<Name> names_;
  std::uint64_t bytes_ = 0;
  std::uint64_t wal_bytes_ = 0;  // written since the WAL was last begun anew, set by SQLite's hook
  std::chrono::steady_clock::duration sync_took_{0};
  std::uint64_t next_checkpoint_bytes_ = 0;
};

}  // namespace hookspool::storage
