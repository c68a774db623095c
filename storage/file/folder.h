// The journal's folder: its lock, the names in it, and the calls that make a name durable.
//
//   lock                     held (flock) for as long as the journal is open; its text is the holder's pid
//   agent-id, greatest-id    small texts, replaced as a whole
//   reserve                  room kept back for reclaiming on a full disk (reserve.h)
//   segment-00000001.db      a segment, with its -wal and -shm beside it
//   segment-00000001.acked   the record of what was acknowledged from it
//   segment-00000001.new     a segment that is being made; never acknowledged from, so never kept
//   segment-00000001.dropped a segment that is being removed; the rest of it goes at the next opening
//   damaged-*                what could not be read, kept for salvage
//
// Thread-safe: after open() nothing in it changes but the files. It never opens a segment's file while SQLite may have it
// open: closing any descriptor of a file drops the locks that SQLite holds on it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/fd.h"
#include "storage/base/mutex.h"
#include "storage/model/journal_error.h"

namespace hookspool::storage {

// Which files of one segment number the folder holds.
struct SegmentNames {
  bool db = false;
  bool wal = false;
  bool shm = false;
  bool dropped = false;
  bool acked = false;
  bool unfinished = false;  // .new
};

// Of a file that is written whole before it takes the place of another one.
inline constexpr const char* kTemporarySuffix = ".tmp";
inline constexpr std::string_view kDamagedPrefix = "damaged-";
inline constexpr std::string_view kDuplicatePrefix = "duplicate-";
inline constexpr std::string_view kSalvagedPrefix = "salvaged-";

class Folder {
 public:
  // Of one small text, when it is written and when it is read. The largest is the agent's list of lost deliveries: 1,000
  // lines of two ids and a lane's name.
  static constexpr std::size_t kTextBytesMax = 1u << 20;

  // Makes the folder (0700) if it is absent and takes its lock; kLocked if another process has it.
  static JournalResult<std::unique_ptr<Folder>> open(const std::filesystem::path& path);
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path segment_file(std::uint64_t number) const;
  std::filesystem::path new_segment_file(std::uint64_t number) const;
  std::filesystem::path acked_file(std::uint64_t number) const;

  struct Listing {
    std::map<std::uint64_t, SegmentNames> segments;
    std::uint64_t greatest_number = 0;  // of any segment, damaged ones too: such a number is not given again
    std::set<std::string> set_aside;    // damaged-segment-* and duplicate-segment-*: the database's name
    std::set<std::string> foreign;      // other files *.db
  };
  JournalResult<Listing> list() const;

  // Nothing if the file is absent.
  JournalResult<std::optional<std::string>> read_text(std::string_view name) const;
  // Replaces the file as a whole, durably: after a crash it holds the old text or the new one. One at a time.
  // kTooLarge: more than kTextBytesMax; nothing was written.
  JournalResult<void> write_text(std::string_view name, const std::string& text) const;

  JournalResult<void> sync() const;                                        // the names
  JournalResult<void> sync_file(const std::filesystem::path& file) const;  // a file SQLite has not open
  JournalResult<void> publish_segment(std::uint64_t number) const;         // .new becomes .db; not yet synced
  // Removes all files of a segment that never held anything, finished or not; best effort.
  void discard_segment(std::uint64_t number) const;

  // Takes the segment's name and its record away (mark_dropped), then its files. After a crash in between, the next opening
  // goes on with remove_dropped.
  JournalResult<void> mark_dropped(std::uint64_t number) const;
  JournalResult<void> remove_dropped(std::uint64_t number) const;

  void discard_unfinished(std::uint64_t number) const;  // the same of what is called .new

  // Renames what is left of a segment to damaged-* or duplicate-*; answers the new name of its main file. The record
  // of what was acknowledged from it keeps its name: those numbers are still owed.
  JournalResult<std::string> set_aside(std::uint64_t number, std::string_view prefix = kDamagedPrefix) const;
  // The number that a file damaged-* or duplicate-* had as a segment.
  static std::optional<std::uint64_t> number_set_aside(const std::string& name);
  // Where the record of a file would be that is called like a segment, or as one that was set aside, in any folder.
  struct RecordBeside {
    std::filesystem::path file;
    std::uint64_t number = 0;  // of the segment
  };
  static std::optional<RecordBeside> record_beside(const std::filesystem::path& segment);
  // What salvage is through with is called salvaged-*, without the prefix it had. Answers the new name.
  JournalResult<std::string> set_salvaged(const std::string& name) const;
  // Gives the segment's files a second name, damaged-*, so that they outlive the segment.
  JournalResult<std::string> keep_copy(std::uint64_t number) const;

 private:
  JournalResult<void> rename_database(const std::filesystem::path& from,
                                      const std::filesystem::path& to) const;
  Folder(std::filesystem::path path, Fd lock) : path_(std::move(path)), lock_(std::move(lock)) {}

  std::filesystem::path path_;
  const Fd lock_;              // held for as long as it is open
  mutable Mutex texts_mutex_;  // all writers of a text share its temporary file
};

// The size of a file; 0 if it is absent.
std::uint64_t file_bytes(const std::filesystem::path& file);

// The same; nothing if the system does not say at the moment.
std::optional<std::uint64_t> known_bytes(const std::filesystem::path& file);

// Whether the disk gives every byte of a file; true if there is none. No connection may have it open: closing the
// descriptor would drop its locks.
bool can_be_read(const std::filesystem::path& file);

}  // namespace hookspool::storage
