#include "storage/file/sqlite.h"

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Statement.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <system_error>
#include <vector>

#include "storage/base/fd.h"
#include "storage/file/file_io.h"
#include "storage/file/open_file.h"

namespace hookspool::storage {
namespace {

// One process writes, so a lock that lasts means a foreign process; this bridges one that just looks.
constexpr int kWriterBusyMsMax = 200;
// A reader meets a lock only while the writer closes a segment.
constexpr int kReaderBusyMsMax = 2000;
constexpr int kReaderCacheKib = 64;

void set_defensive(SQLite::Database& database) {
  sqlite3_extended_result_codes(database.getHandle(), 1);
  database.check(sqlite3_db_config(database.getHandle(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr));
  database.exec("PRAGMA trusted_schema=OFF");
  database.exec("PRAGMA cell_size_check=ON");
  database.exec("PRAGMA mmap_size=0");
  allow_checkpoint_on_close(database, false);
}

// An absolute path as a URI, so that a parameter can follow it (sqlite.org/uri.html section 3.1).
std::string file_uri(const std::filesystem::path& file, std::string_view parameter) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string uri = "file:";
  for (const char c : std::filesystem::absolute(file).string()) {
    if (c == '%' || c == '?' || c == '#') {
      const auto byte = static_cast<unsigned char>(c);
      uri += '%';
      uri += kHex[byte >> 4];
      uri += kHex[byte & 0x0f];
    } else {
      uri += c;
    }
  }
  uri += '?';
  uri += parameter;
  return uri;
}

// SQLite opens a journal that it finds beside the file, and to open a FIFO waits for its other end.
void require_regular(const std::filesystem::path& file) {
  for (const char* suffix : {"", "-journal", "-wal", "-shm"}) {
    const std::string name = file.string() + suffix;
    if (is_not_regular(name)) throw SQLite::Exception(name + " is not a regular file", SQLITE_CANTOPEN);
  }
}

bool has_wal(const std::filesystem::path& file) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(file.string() + "-wal", error);
  return !error ? size > 0 : error != std::errc::no_such_file_or_directory;
}

// SQLite makes a new file readable for every user, as far as the umask allows, and its -wal and -shm like it: so an empty
// one is made first. What prevents that, SQLite meets as well and reports.
void make_private(const std::filesystem::path& file) {
  const Fd made(::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
}

// Opens a file of which the WAL's index is kept in this connection's memory instead of in a -shm file, so that reading
// writes nothing: the disk may be full, or take no writes. It locks nothing, and so is only for a file without a writer.
constexpr const char* kVfsWithoutLocks = "unix-none";

constexpr int kChunkBytes = 1 << 16;

sqlite3_file* database_file(SQLite::Database& database) {
  sqlite3_file* file = nullptr;
  const int code = sqlite3_file_control(database.getHandle(), "main", SQLITE_FCNTL_FILE_POINTER, &file);
  return code != SQLITE_OK || file == nullptr || file->pMethods == nullptr ? nullptr : file;
}

bool can_be_read(sqlite3_file* file) {
  sqlite3_int64 size = 0;
  if (file == nullptr || file->pMethods == nullptr) return true;
  if (file->pMethods->xFileSize(file, &size) != SQLITE_OK) return false;
  std::vector<char> buffer(kChunkBytes);
  for (sqlite3_int64 at = 0; at < size; at += kChunkBytes) {
    const int code = file->pMethods->xRead(file, buffer.data(), kChunkBytes, at);
    if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ) return false;
  }
  return true;
}

bool means_no_room(int extended_code, int system_errno) {
  const int code = extended_code & 0xff;
  if (code == SQLITE_FULL) return true;
  // After a failed sync it is unknown what the file holds, whatever the reason was.
  if (extended_code == SQLITE_IOERR_FSYNC || extended_code == SQLITE_IOERR_DIR_FSYNC) return false;
  return (code == SQLITE_IOERR || code == SQLITE_CANTOPEN) && means_disk_full(system_errno);
}

}  // namespace

int last_errno(SQLite::Database& database) {
  sqlite3* const handle = database.getHandle();
  const int noted = sqlite3_system_errno(handle);
  if (means_disk_full(noted)) return noted;  // else other calls may have come in between
  for (const int which : {SQLITE_FCNTL_FILE_POINTER, SQLITE_FCNTL_JOURNAL_POINTER}) {
    sqlite3_file* file = nullptr;
    if (sqlite3_file_control(handle, "main", which, &file) != SQLITE_OK) continue;
    int code = 0;
    // A journal that SQLite holds in memory answers no questions.
    if (file == nullptr || file->pMethods == nullptr || file->pMethods->xFileControl == nullptr) continue;
    if (file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &code) == SQLITE_OK && code != 0)
      return code;
  }
  return noted;
}

void allow_checkpoint_on_close(SQLite::Database& database, bool allow) {
  database.check(
      sqlite3_db_config(database.getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, allow ? 0 : 1, nullptr));
}

void require_pragma(SQLite::Database& database, const std::string& name, const std::string& expected) {
  const std::string answer = database.execAndGet("PRAGMA " + name).getString();
  if (answer != expected) {
    throw SQLite::Exception("PRAGMA " + name + " answers '" + answer + "' instead of '" + expected + "'");
  }
}

std::unique_ptr<SQLite::Database> open_writable(const std::filesystem::path& file, const std::string& vfs,
                                                bool create) {
  require_regular(file);
  if (create) make_private(file);
  const int flags = SQLite::OPEN_READWRITE | SQLite::OPEN_NOMUTEX | SQLite::OPEN_NOFOLLOW |
                    (create ? SQLite::OPEN_CREATE : 0);
  auto database = std::make_unique<SQLite::Database>(file.string(), flags, kWriterBusyMsMax, vfs);
  set_defensive(*database);
  database->exec("PRAGMA synchronous=FULL");
  require_pragma(*database, "synchronous", "2");
  // Rows are never deleted, and a segment is given up whole.
  database->exec("PRAGMA secure_delete=OFF");
  return database;
}

std::unique_ptr<SQLite::Database> open_read_only(const std::filesystem::path& file, const std::string& vfs,
                                                 bool growing) {
  require_regular(file);
  const bool immutable = !growing && !has_wal(file);
  const std::string name = immutable ? file_uri(file, "immutable=1") : file.string();
  const auto open = [&](const std::string& with_vfs, bool index_in_memory) {
    const int flags = SQLite::OPEN_READONLY | SQLite::OPEN_NOMUTEX | SQLite::OPEN_NOFOLLOW |
                      (immutable ? SQLite::OPEN_URI : 0);
    auto database = std::make_unique<SQLite::Database>(name, flags, kReaderBusyMsMax, with_vfs);
    // Before anything looks at the schema, which opens the WAL.
    if (index_in_memory) require_pragma(*database, "locking_mode=exclusive", "exclusive");
    set_defensive(*database);
    database->exec("PRAGMA query_only=ON");
    database->exec("PRAGMA cache_size=-" + std::to_string(kReaderCacheKib));
    return database;
  };
  if (immutable || growing || !vfs.empty()) return open(vfs, false);
  try {
    auto database = open(vfs, false);
    (void)database->execAndGet("SELECT count(*) FROM sqlite_schema").getInt();  // opens the WAL
    return database;
  } catch (const SQLite::Exception& error) {
    // The holder of the lock may be writing.
    const int code = error.getErrorCode() & 0xff;
    if (!cannot_be_read_now(error) || code == SQLITE_BUSY || code == SQLITE_LOCKED) throw;
  }
  return open(kVfsWithoutLocks, true);
}

bool cannot_be_read_now(const SQLite::Exception& error) {
  switch (error.getErrorCode() & 0xff) {
    case SQLITE_PERM:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM:
    case SQLITE_READONLY:
    case SQLITE_INTERRUPT:
    case SQLITE_IOERR:
    case SQLITE_FULL:
    case SQLITE_CANTOPEN:
    case SQLITE_PROTOCOL:
    case SQLITE_NOLFS:
    case SQLITE_AUTH:
      return true;
    default:
      return false;
  }
}

bool can_be_read(SQLite::Database& database) {
  for (const int which : {SQLITE_FCNTL_FILE_POINTER, SQLITE_FCNTL_JOURNAL_POINTER}) {
    sqlite3_file* file = nullptr;
    const int code = sqlite3_file_control(database.getHandle(), "main", which, &file);
    if (code == SQLITE_OK && !can_be_read(file)) return false;
  }
  return true;
}

void read_ahead(SQLite::Database& database, std::uint64_t from, std::uint64_t bytes) {
  sqlite3_file* const file = database_file(database);
  if (file == nullptr) return;
  std::vector<char> buffer(kChunkBytes);
  for (std::uint64_t at = from; at < from + bytes; at += kChunkBytes) {
    if (file->pMethods->xRead(file, buffer.data(), kChunkBytes, static_cast<sqlite3_int64>(at)) != SQLITE_OK)
      return;
  }
}

std::uint64_t database_bytes(SQLite::Database& database) {
  sqlite3_int64 size = 0;
  sqlite3_file* const file = database_file(database);
  if (file == nullptr || file->pMethods->xFileSize(file, &size) != SQLITE_OK || size < 0) return 0;
  return static_cast<std::uint64_t>(size);
}

JournalError sqlite_error(int extended_code, int system_errno, const std::string& message,
                          const std::string& attempted) {
  std::string text = attempted + ": " + message;
  if (system_errno != 0) text += " (" + std::generic_category().message(system_errno) + ")";
  const int code = extended_code & 0xff;
  if (means_no_room(extended_code, system_errno)) return {JournalError::Kind::kFull, std::move(text)};
  if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) return {JournalError::Kind::kCorrupt, std::move(text)};
  if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
    text += "; another program holds a lock on this file: only hookspool may write to its journal";
  }
  return {JournalError::Kind::kIo, std::move(text)};
}

JournalError sqlite_error(const SQLite::Exception& error, int system_errno, const std::string& attempted) {
  // SQLiteCpp's own errors carry -1, and a connection that could not be opened only the basic code.
  const int code = error.getExtendedErrorCode() > 0 ? error.getExtendedErrorCode() : error.getErrorCode();
  return sqlite_error(code < 0 ? SQLITE_ERROR : code, system_errno, error.what(), attempted);
}

void bind_uuid(SQLite::Statement& statement, int index, const Uuid& uuid) {
  statement.bindNoCopy(index, uuid.bytes.data(), static_cast<int>(uuid.bytes.size()));
}

Uuid uuid_column(SQLite::Statement& select, int column) {
  const SQLite::Column value = select.getColumn(column);
  const void* data = value.getBlob();
  Uuid uuid;
  if (data == nullptr || static_cast<std::size_t>(value.getBytes()) != uuid.bytes.size()) return Uuid{};
  std::memcpy(uuid.bytes.data(), data, uuid.bytes.size());
  return uuid;
}

}  // namespace hookspool::storage
