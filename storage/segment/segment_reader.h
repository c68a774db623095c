// Reading a segment, whether it is still growing or was closed long ago.
//
// Internal to storage/. Not thread-safe: a SegmentReader belongs to one thread at a time. ReaderPool is thread-safe.
#pragma once

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/mutex.h"
#include "storage/file/sqlite.h"
#include "storage/model/event.h"
#include "storage/model/journal_error.h"
#include "storage/model/lane_run.h"
#include "storage/model/uuid.h"

namespace hookspool::storage {

// A segment's file as every part of the journal refers to it.
struct SegmentFile {
  SegmentFile(std::uint64_t number_, std::filesystem::path path_, bool growing_)
      : number(number_), path(std::move(path_)), growing(growing_) {}

  const std::uint64_t number;
  const std::filesystem::path path;
  std::int32_t format = kFormatVersion;  // of its tables; set before the journal knows of it
  std::atomic<bool> growing;             // the writer has it open
  std::atomic<bool> dropped = false;     // its name was taken away: not to be opened or kept open
  std::atomic<bool> unread = false;  // could not be read when the journal was opened: not to be opened yet
  std::atomic<bool> parked = false;  // only the connection that wrote it may still read it
  std::atomic<std::uint64_t> read_ahead = 0;  // the 64ths of it that were, one bit each

  // By the lane's number: from this event on nothing of it is in the file, although it was acknowledged. Does
  // not change once the journal knows of the file.
  std::map<std::uint32_t, std::uint64_t> lost_from;
};

// One lane's rows of one segment: numbers `first_seq` to `last_seq`, all of which are there but for those that
// the file has lost.
struct ReadSlice {
  std::shared_ptr<SegmentFile> file;
  std::uint32_t lane_number = 0;
  std::uint64_t first_seq = 0;
  std::uint64_t last_seq = 0;
  // Where the slice begins among the lane's rows of the segment, 0 to 1, if much of the segment waits to be read.
  std::optional<double> read_ahead_at{};
};

class SegmentReader {
 public:
  // kIo: the file is `unread`.
  static JournalResult<std::unique_ptr<SegmentReader>> open(std::shared_ptr<SegmentFile> file,
                                                            const std::string& vfs);

  // Makes a reader of the connection that wrote the file until something failed. It still has the file when
  // the name is gone, and needs nothing from a disk that takes no more writes. Nothing if it cannot even
  // read; then `database` is left to its owner, whose statements have to go before it.
  static std::unique_ptr<SegmentReader> adopt(std::shared_ptr<SegmentFile> file,
                                              std::unique_ptr<SQLite::Database>& database);

  // Appends events of the slice to `events` until one of the limits (over all of `events`) is reached; the
  // first is read whatever its size. On an error the events before it have been appended. `bytes` counts what
  // is there.
  JournalResult<void> read(const ReadSlice& slice, const std::string& lane, const Uuid& epoch,
                           std::size_t events_max, std::size_t bytes_max, std::vector<EventPtr>& events,
                           std::size_t& bytes);

  // All dedupe keys of the file, in no order. Rows are not checked: a wrong key takes nothing from an event.
  JournalResult<void> scan_dedupe_keys(const DedupeKeyVisitor& visit);

  const std::shared_ptr<SegmentFile>& file() const { return file_; }

 private:
  SegmentReader(std::shared_ptr<SegmentFile> file, std::unique_ptr<SQLite::Database> database,
                SQLite::Statement select_range);
  // read() from `next` on; throws SQLite::Exception.
  JournalResult<void> read_rows(const ReadSlice& slice, const std::string& lane, const Uuid& epoch,
                                std::size_t events_max, std::size_t bytes_max, std::vector<EventPtr>& events,
                                std::size_t& bytes, std::uint64_t& next);
  void read_ahead(double at);
  std::string where(std::uint64_t seq, const std::string& lane, const Uuid& epoch) const;

  std::shared_ptr<SegmentFile> file_;
  std::unique_ptr<SQLite::Database> database_;
  SQLite::Statement select_range_;
};

// Open readers that are not in use, the last used first to be used again. A parked file has one
// reader; who wants it waits until it comes back, so a taken reader must be put back whatever its read gave.
class ReaderPool {
 public:
  explicit ReaderPool(std::string vfs) : vfs_(std::move(vfs)) {}

  JournalResult<std::unique_ptr<SegmentReader>> take(const std::shared_ptr<SegmentFile>& file);
  void put(std::unique_ptr<SegmentReader> reader);
  void park(std::unique_ptr<SegmentReader> reader);
  void forget(std::uint64_t number);  // closes the idle readers of a dropped segment
  void clear();                       // closes all idle readers

 private:
  void take_out(std::uint64_t number, std::vector<std::unique_ptr<SegmentReader>>& closed) REQUIRES(mutex_);

  const std::string vfs_;
  Mutex mutex_;
  CondVar came_back_;
  std::vector<std::unique_ptr<SegmentReader>> idle_ GUARDED_BY(mutex_);
};

}  // namespace hookspool::storage
