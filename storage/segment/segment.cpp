#include "storage/segment/segment.h"

#include <SQLiteCpp/Transaction.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "storage/base/fd.h"
#include "storage/file/sqlite.h"
#include "storage/segment/row.h"

namespace hookspool::storage {
namespace {

constexpr const char* kSchema =
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE TABLE lanes(number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
    "CREATE TABLE events(key INTEGER PRIMARY KEY, id BLOB NOT NULL, received_at INTEGER NOT NULL,"
    " delivery_id TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, query TEXT NOT NULL,"
    " remote_addr TEXT NOT NULL, content_type TEXT NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL,"
    " again INTEGER NOT NULL, crc INTEGER NOT NULL, dedupe_key BLOB, packing INTEGER NOT NULL);"
    "CREATE TABLE cursors(epoch BLOB NOT NULL, lane TEXT NOT NULL, seq INTEGER NOT NULL, id BLOB NOT NULL,"
    " PRIMARY KEY(epoch, lane)) WITHOUT ROWID;";

void use_wal(SQLite::Database& database) {
  // The pragma answers the mode it could get, and fails in no other way.
  require_pragma(database, "journal_mode=WAL", "wal");
  database.exec("PRAGMA wal_autocheckpoint=0");
}

// Why SQLite could not make a file: it does not tell, so the same is tried again without it. 0: this time it went.
int why_not_made(const std::filesystem::path& file) {
  const Fd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  return fd.is_open() ? 0 : errno;
}

// Made under a temporary name, already in WAL mode: a file called segment-*.db is complete from its first
// moment.
void fill_file(SQLite::Database& database, const ActiveSegment::Identity& identity) {
  database.exec("PRAGMA page_size=" + std::to_string(kPageBytes));
  require_pragma(database, "journal_mode=MEMORY", "memory");
  {
    SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
    database.exec("PRAGMA application_id=" + std::to_string(kApplicationId));
    database.exec("PRAGMA user_version=" + std::to_string(kFormatVersion));
    database.exec(kSchema);
    SQLite::Statement insert(database, "INSERT INTO meta(key, value) VALUES (?, ?)");
    for (const auto& [key, value] :
         {std::pair{"epoch", identity.epoch}, std::pair{"greatest_id", identity.greatest_id}}) {
      insert.bind(1, key);
      bind_uuid(insert, 2, value);
      insert.exec();
      insert.reset();
    }
    if (identity.salvaged) database.exec("INSERT INTO meta(key, value) VALUES ('salvaged', 1)");
    transaction.commit();
  }
  use_wal(database);
  allow_checkpoint_on_close(database, true);
}

}  // namespace

JournalResult<void> make_segment_file(const std::filesystem::path& file, const std::string& vfs,
                                      const SegmentIdentity& identity) {
  const std::string attempted = "making the segment " + file.string();
  std::unique_ptr<SQLite::Database> database;
  try {
    database = open_writable(file, vfs, true);
    fill_file(*database, identity);
  } catch (const SQLite::Exception& error) {
    const int system_errno = database == nullptr ? why_not_made(file) : last_errno(*database);
    return fail(sqlite_error(error, system_errno, attempted));
  }
  return {};
}

void put_cursor(SQLite::Statement& put, const Cursor& cursor) {
  bind_uuid(put, 1, cursor.epoch);
  put.bindNoCopy(2, cursor.lane);
  put.bind(3, static_cast<std::int64_t>(cursor.position.seq));
  bind_uuid(put, 4, cursor.position.id);
  put.exec();
  put.reset();
}

JournalResult<std::unique_ptr<ActiveSegment>> ActiveSegment::create(const Folder& folder,
                                                                    const std::string& vfs,
                                                                    const Identity& identity) {
  JournalResult<std::unique_ptr<ActiveSegment>> segment = make(folder, vfs, identity);
  if (!segment)
    folder.discard_segment(identity.number);  // it holds nothing, and its number is not used again
  return segment;
}

JournalResult<std::unique_ptr<ActiveSegment>> ActiveSegment::make(const Folder& folder,
                                                                  const std::string& vfs,
                                                                  const Identity& identity) {
  const std::filesystem::path path = folder.segment_file(identity.number);
  try {
    if (const auto made = make_segment_file(folder.new_segment_file(identity.number), vfs, identity); !made)
      return fail(made.error());
    auto acked = AckedRecord::create(folder.acked_file(identity.number), identity.number, identity.epoch);
    if (const auto published = folder.publish_segment(identity.number); !published)
      return fail(published.error());
    auto database = open_writable(path, vfs, false);
    use_wal(*database);
    auto file = std::make_shared<SegmentFile>(identity.number, path, true);
    std::unique_ptr<ActiveSegment> segment(
        new ActiveSegment(std::move(file), std::move(database), std::move(acked)));
    if (const auto named = segment->remember_names(); !named) return fail(named.error());
    if (const auto synced = folder.sync(); !synced) return fail(synced.error());
    return segment;
  } catch (const SQLite::Exception& error) {
    return fail(sqlite_error(error, 0, "making the segment " + path.string()));
  }
}

ActiveSegment::Statements::Statements(SQLite::Database& database)
    : insert_event(database, kInsertEventSql),
      insert_lane(database, kInsertLaneSql),
      put_cursor(database, kPutCursorSql) {}

ActiveSegment::ActiveSegment(std::shared_ptr<SegmentFile> file, std::unique_ptr<SQLite::Database> database,
                             JournalResult<std::shared_ptr<AckedRecord>> acked)
    : file_(std::move(file)),
      database_(std::move(database)),
      statements_(std::make_unique<Statements>(*database_)),
      acked_(std::move(acked)) {
  // Looking at a table opens the WAL, which makes its file.
  (void)database_->execAndGet("SELECT count(*) FROM meta").getInt();
  sqlite3_wal_hook(
      database_->getHandle(),
      [](void* wal_bytes, sqlite3*, const char*, int pages) {
        *static_cast<std::uint64_t*>(wal_bytes) = static_cast<std::uint64_t>(pages) * kPageBytes;
        return SQLITE_OK;
      },
      &wal_bytes_);
}

ActiveSegment::~ActiveSegment() {
  file_->growing = false;
}

JournalResult<void> ActiveSegment::remember_names() {
  for (const std::string& name : {path(), path() + "-wal"}) {
    struct stat status {};
    if (::stat(name.c_str(), &status) != 0) {
      return fail(JournalError{JournalError::Kind::kGone, name + " is gone right after it was made: " +
                                                              std::generic_category().message(errno)});
    }
    names_.push_back({name, status.st_dev, status.st_ino});
  }
  return {};
}

JournalResult<void> ActiveSegment::check_names() {
  std::uint64_t bytes = 0;
  for (const Name& name : names_) {
    struct stat status {};
    const bool found = ::stat(name.path.c_str(), &status) == 0;
    if (!found || status.st_dev != name.device || status.st_ino != name.inode) {
      return fail(JournalError{
          JournalError::Kind::kGone,
          name.path + (found ? " was replaced by another file" : " was deleted or renamed") +
              " while it was written; what is in it may be lost. Leave the journal's files alone "
              "while hookspool runs"});
    }
    bytes += static_cast<std::uint64_t>(status.st_size);
  }
  bytes_ = bytes;
  return {};
}

SegmentFailure ActiveSegment::failure(const SQLite::Exception& error, const std::string& attempted) {
  const int system_errno = last_errno(*database_);
  return {sqlite_error(error, system_errno, attempted + " " + path()), false};
}

JournalError ActiveSegment::checkpoint_error(int code) {
  sqlite3* handle = database_->getHandle();
  return sqlite_error(code, last_errno(*database_), sqlite3_errmsg(handle), "checkpointing " + path());
}

bool ActiveSegment::roll_back() {
  for (SQLite::Statement* statement :
       {&statements_->insert_event, &statements_->insert_lane, &statements_->put_cursor}) {
    statement->tryReset();
  }
  if (sqlite3_get_autocommit(database_->getHandle()) == 0) database_->tryExec("ROLLBACK");
  return sqlite3_get_autocommit(database_->getHandle()) != 0;
}

void ActiveSegment::write(const Group& group) {
  auto& [insert_event, insert_lane, put_cursor] = *statements_;
  for (const NewLane& lane : group.new_lanes) {
    insert_lane.bind(1, lane.number);
    insert_lane.bindNoCopy(2, lane.name);
    insert_lane.exec();
    insert_lane.reset();
  }
  for (std::size_t i = 0; i < group.events.size(); ++i) {
    const std::string_view packed =
        group.packed_bodies.empty() ? std::string_view() : std::string_view(group.packed_bodies[i]);
    bind_row(insert_event, group.lane_numbers[i], *group.events[i], packed);
    insert_event.exec();
    insert_event.reset();
  }
  for (const Cursor& cursor : group.cursors) storage::put_cursor(put_cursor, cursor);
  if (group.probe) {
    database_->exec(
        "INSERT INTO meta(key, value) VALUES ('probes', 1) ON CONFLICT(key) DO UPDATE SET value = value + 1");
  }
}

Result<void, SegmentFailure> ActiveSegment::commit(const Group& group) {
  try {
    database_->exec("BEGIN IMMEDIATE");
    write(group);
    const auto began = std::chrono::steady_clock::now();
    database_->exec("COMMIT");
    sync_took_ = std::chrono::steady_clock::now() - began;
  } catch (const SQLite::Exception& error) {
    SegmentFailure what = failure(error, "committing to");
    what.usable = roll_back() && what.error.kind == JournalError::Kind::kFull;
    return fail(std::move(what));
  }
  if (const auto named = check_names(); !named) return fail(SegmentFailure{named.error(), false});
  return {};
}

Result<void, SegmentFailure> ActiveSegment::checkpoint_if_due(std::uint64_t wal_bytes_max) {
  if (wal_bytes_ < wal_bytes_max) next_checkpoint_bytes_ = wal_bytes_max;  // the WAL was begun anew
  if (wal_bytes_ < std::max(next_checkpoint_bytes_, wal_bytes_max)) return {};
  // Whatever this one leaves undone, the next is due only when as much again has been written.
  next_checkpoint_bytes_ = wal_bytes_ + wal_bytes_max;
  const int code =
      sqlite3_wal_checkpoint_v2(database_->getHandle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  if (code == SQLITE_OK || code == SQLITE_BUSY || code == SQLITE_LOCKED) return {};
  SegmentFailure what{checkpoint_error(code), false};
  // Without room for the database's pages the WAL simply goes on.
  what.usable = what.error.kind == JournalError::Kind::kFull;
  return fail(std::move(what));
}

std::unique_ptr<SegmentReader> ActiveSegment::into_reader() {
  (void)roll_back();
  statements_.reset();  // a connection belongs to one thread at a time, and so do its statements
  return SegmentReader::adopt(file_, database_);
}

Result<void, SegmentFailure> ActiveSegment::finish() {
  const int code = sqlite3_wal_checkpoint_v2(database_->getHandle(), nullptr, SQLITE_CHECKPOINT_TRUNCATE,
                                             nullptr, nullptr);
  if (code == SQLITE_OK) {
    try {
      // Nothing is left to copy: closing only takes the empty WAL away, unless a reader has the file open.
      allow_checkpoint_on_close(*database_, true);
    } catch (const SQLite::Exception&) {
      return {};  // then the empty WAL stays beside the database, which does no harm
    }
    return {};
  }
  if (code == SQLITE_BUSY || code == SQLITE_LOCKED) return {};
  JournalError error = checkpoint_error(code);
  if (error.kind == JournalError::Kind::kFull) return {};  // the WAL still has it all
  return fail(SegmentFailure{std::move(error), false});
}

}  // namespace hookspool::storage
