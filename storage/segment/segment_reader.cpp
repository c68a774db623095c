#include "storage/segment/segment_reader.h"

#include <sqlite3.h>

#include <algorithm>
#include <utility>

#include "storage/file/sqlite.h"
#include "storage/segment/row.h"

namespace hookspool::storage {
namespace {

constexpr std::size_t kIdleReadersMax = 16;

// A lane's events lie side by side and are read once, so pages that were read are of no use: SQLite's own 2 MiB for each
// of many readers would only be held.
constexpr const char* kSmallCache = "PRAGMA cache_size=-64";  // KiB

std::string select_range_sql(std::int32_t format) {
  return "SELECT " + event_columns(format) + " FROM events WHERE key BETWEEN ?1 AND ?2 ORDER BY key";
}

// A statement that is left standing on a row keeps a read transaction open, and that keeps the WAL from being
// reset: however a read ends, it ends.
class ResetAtEnd {
 public:
  explicit ResetAtEnd(SQLite::Statement& statement) : statement_(statement) {}
  ~ResetAtEnd() { statement_.tryReset(); }
  ResetAtEnd(const ResetAtEnd&) = delete;
  ResetAtEnd& operator=(const ResetAtEnd&) = delete;

 private:
  SQLite::Statement& statement_;
};

}  // namespace

SegmentReader::SegmentReader(std::shared_ptr<SegmentFile> file, std::unique_ptr<SQLite::Database> database,
                             SQLite::Statement select_range)
    : file_(std::move(file)), database_(std::move(database)), select_range_(std::move(select_range)) {}

JournalResult<std::unique_ptr<SegmentReader>> SegmentReader::open(std::shared_ptr<SegmentFile> file,
                                                                  const std::string& vfs) {
  const std::string attempted = "opening " + file->path.string() + " to read it";
  if (file->unread.load()) {
    return fail(JournalError{JournalError::Kind::kIo,
                             attempted + ": it could not be read so far, and is tried again"});
  }
  try {
    auto database = open_read_only(file->path, vfs, file->growing.load());
    database->exec(kSmallCache);
    SQLite::Statement select_range(*database, select_range_sql(file->format));
    return std::unique_ptr<SegmentReader>(
        new SegmentReader(std::move(file), std::move(database), std::move(select_range)));
  } catch (const SQLite::Exception& error) {
    return fail(sqlite_error(error, 0, attempted));
  }
}

std::unique_ptr<SegmentReader> SegmentReader::adopt(std::shared_ptr<SegmentFile> file,
                                                    std::unique_ptr<SQLite::Database>& database) {
  try {
    sqlite3_wal_hook(database->getHandle(), nullptr, nullptr);
    database->exec("PRAGMA query_only=ON");
    database->exec(kSmallCache);
    SQLite::Statement select_range(*database, select_range_sql(file->format));
    return std::unique_ptr<SegmentReader>(
        new SegmentReader(std::move(file), std::move(database), std::move(select_range)));
  } catch (const SQLite::Exception&) {
    return nullptr;
  }
}

std::string SegmentReader::where(std::uint64_t seq, const std::string& lane, const Uuid& epoch) const {
  return "event " + std::to_string(seq) + " of lane '" + lane + "', epoch " + epoch.to_string() + ", in " +
         file_->path.string();
}

JournalResult<void> SegmentReader::read(const ReadSlice& slice, const std::string& lane, const Uuid& epoch,
                                        std::size_t events_max, std::size_t bytes_max,
                                        std::vector<EventPtr>& events, std::size_t& bytes) {
  if (slice.read_ahead_at) read_ahead(*slice.read_ahead_at);
  std::uint64_t next = slice.first_seq;
  for (bool again = false;; again = true) {
    try {
      return read_rows(slice, lane, epoch, events_max, bytes_max, events, bytes, next);
    } catch (const SQLite::Exception& error) {
      JournalError what = sqlite_error(error, sqlite3_system_errno(database_->getHandle()),
                                       "reading " + where(next, lane, epoch));
      if (what.kind == JournalError::Kind::kCorrupt) {
        if (!can_be_read(*database_)) {
          what.kind = JournalError::Kind::kIo;
        } else if (!again) {
          continue;
        }
      }
      return fail(std::move(what));
    }
  }
}

// The lanes' pages lie mixed, as the events came: each lane alone reads a page here and a page there, one by one from a
// cold disk. So the first reader of a part of the file reads all of it, and the next part: in one go, for all lanes.
void SegmentReader::read_ahead(double at) {
  constexpr int kParts = 64;
  if (file_->growing.load() || file_->parked.load()) return;
  const int part = std::clamp(static_cast<int>(at * kParts), 0, kParts - 1);
  for (const int wanted : {part - 1, part, part + 1}) {
    if (wanted < 0 || wanted >= kParts) continue;
    const std::uint64_t bit = std::uint64_t{1} << wanted;
    if ((file_->read_ahead.load(std::memory_order_relaxed) & bit) != 0) continue;
    if ((file_->read_ahead.fetch_or(bit) & bit) != 0) continue;
    const std::uint64_t bytes = database_bytes(*database_);
    const std::uint64_t begin = bytes / kParts * static_cast<std::uint64_t>(wanted);
    const std::uint64_t end = wanted == kParts - 1 ? bytes : begin + bytes / kParts;
    storage::read_ahead(*database_, begin, end - begin);
  }
}

JournalResult<void> SegmentReader::scan_dedupe_keys(const DedupeKeyVisitor& visit) {
  if (file_->format < kFormatWithDedupeKey) return {};
  try {
    // All of it is looked at, lane by lane, which from a cold disk would be a page here and a page there.
    if (!file_->growing.load()) storage::read_ahead(*database_, 0, database_bytes(*database_));
    SQLite::Statement select(*database_, "SELECT dedupe_key, id FROM events WHERE dedupe_key IS NOT NULL");
    while (select.executeStep()) visit(uuid_column(select, 0), uuid_column(select, 1));
    return {};
  } catch (const SQLite::Exception& error) {
    return fail(sqlite_error(error, sqlite3_system_errno(database_->getHandle()),
                             "reading the dedupe keys of " + file_->path.string()));
  }
}

JournalResult<void> SegmentReader::read_rows(const ReadSlice& slice, const std::string& lane,
                                             const Uuid& epoch, std::size_t events_max, std::size_t bytes_max,
                                             std::vector<EventPtr>& events, std::size_t& bytes,
                                             std::uint64_t& next) {
  const ResetAtEnd reset_at_end(select_range_);
  select_range_.bind(1, row_key(slice.lane_number, next));
  select_range_.bind(2, row_key(slice.lane_number, slice.last_seq));
  for (; next <= slice.last_seq && events.size() < events_max; ++next) {
    if (!select_range_.executeStep()) {
      return fail(JournalError{JournalError::Kind::kCorrupt, where(next, lane, epoch) + " is missing"});
    }
    ReadRow row = read_row(select_range_, lane, epoch, file_->format);
    if (row.stored.seq != next) {
      return fail(JournalError{JournalError::Kind::kCorrupt, where(next, lane, epoch) + " is missing"});
    }
    if (!row.intact) {
      return fail(JournalError{JournalError::Kind::kCorrupt,
                               where(next, lane, epoch) + " was altered: its checksum does not fit"});
    }
    const std::size_t size = event_bytes(row.stored.event);
    if (!events.empty() && bytes + size > bytes_max) return {};
    bytes += size;
    events.push_back(std::make_shared<const StoredEvent>(std::move(row.stored)));
  }
  return {};
}

JournalResult<std::unique_ptr<SegmentReader>> ReaderPool::take(const std::shared_ptr<SegmentFile>& file) {
  MutexLock lock(mutex_);
  for (;;) {
    const auto found =
        std::find_if(idle_.rbegin(), idle_.rend(),
                     [&](const std::unique_ptr<SegmentReader>& reader) { return reader->file() == file; });
    if (found != idle_.rend()) {
      std::unique_ptr<SegmentReader> reader = std::move(*found);
      idle_.erase(std::next(found).base());
      return reader;
    }
    if (file->dropped.load() || !file->parked.load()) break;
    came_back_.wait(mutex_);
  }
  lock.unlock();
  return SegmentReader::open(file, vfs_);
}

void ReaderPool::put(std::unique_ptr<SegmentReader> reader) {
  std::unique_ptr<SegmentReader> closed;  // outside the lock: closing a file takes time
  const MutexLock lock(mutex_);
  if (reader->file()->dropped.load()) {
    closed = std::move(reader);
    return;
  }
  idle_.push_back(std::move(reader));
  came_back_.notify_all();
  if (idle_.size() <= kIdleReadersMax) return;
  // Parked readers are as few as failures, and nothing could replace them.
  const auto oldest =
      std::find_if(idle_.begin(), idle_.end(),
                   [](const std::unique_ptr<SegmentReader>& idle) { return !idle->file()->parked.load(); });
  if (oldest == idle_.end()) return;
  closed = std::move(*oldest);
  idle_.erase(oldest);
}

void ReaderPool::park(std::unique_ptr<SegmentReader> reader) {
  std::vector<std::unique_ptr<SegmentReader>> closed;
  const MutexLock lock(mutex_);
  take_out(reader->file()->number, closed);
  reader->file()->parked = true;
  idle_.push_back(std::move(reader));
}

void ReaderPool::forget(std::uint64_t number) {
  std::vector<std::unique_ptr<SegmentReader>> closed;
  const MutexLock lock(mutex_);
  take_out(number, closed);
  came_back_.notify_all();
}

void ReaderPool::clear() {
  const MutexLock lock(mutex_);
  idle_.clear();
}

void ReaderPool::take_out(std::uint64_t number, std::vector<std::unique_ptr<SegmentReader>>& closed) {
  for (std::unique_ptr<SegmentReader>& reader : idle_) {
    if (reader->file()->number == number) closed.push_back(std::move(reader));
  }
  std::erase(idle_, nullptr);
}

}  // namespace hookspool::storage
