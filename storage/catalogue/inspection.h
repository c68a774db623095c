// One segment's files as an opening finds them: what they hold, or why that is unknown.
//
// Internal to storage/. Not thread-safe: before the writer exists, or of a segment that nothing else has open; with the
// folder's lock held. Changes nothing but SQLite's -shm files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/catalogue/segment_contents.h"
#include "storage/file/folder.h"
#include "storage/segment/acked_record.h"

namespace hookspool::storage {

enum class Condition {
  kGood,
  kEmpty,    // holds no event
  kDamaged,  // what is in it cannot be trusted
  kTooNew,
  kLost,        // nothing is left of it but the record of what it held
  kUnreadable,  // the disk does not give it at the moment; nothing is known about what is in it
};

struct Inspected {
  Inspected() = default;
  // Of the segment with this number, before anything was looked at.
  Inspected(const Folder& folder, std::uint64_t number);

  Condition condition = Condition::kGood;
  std::string why;
  SegmentContents contents;
  std::vector<Cursor> cursors;
  std::uint64_t events = 0;  // acknowledged, or found without a record of that
  std::uint64_t there = 0;   // of those, for which there are rows
  Uuid greatest_own_id;      // of its events
  Uuid greatest_id_before;   // of what came before it
  std::map<std::uint32_t, std::pair<Uuid, Uuid>>
      ids;  // lane number -> its first and last intact event, where known
  bool had_wal = false;
  std::optional<Acked> acked;
  bool acked_unknown = false;  // there is a record, and the disk does not give it
};

// Looks at the record beside the segment, then at the first bytes of its file. Afterwards `condition` is kGood as long as
// inspect_contents() has not said otherwise. kTooNew: `why` names the file.
void inspect_beginning(const Folder& folder, std::uint64_t number, Inspected& result);

// Reads the file's first bytes without SQLite (sqlite.org/fileformat2.html section 1.3), which would begin to
// recover it. No connection has it open yet, so closing the descriptor drops no lock.
void inspect_header(const std::filesystem::path& file, Inspected& result);

// Of a segment whose header is good and that was not closed cleanly: makes its WAL durable (write_back.h), for what is read
// there is delivered, and repeats of it are answered as duplicates. kUnreadable: that failed, and nothing of it may be read.
// Changes no byte.
void make_durable(const Folder& folder, Inspected& result);

// What its tables hold, of a segment whose header is good. kDamaged only where the disk gives every byte of the file.
void inspect_contents(const std::string& vfs, Inspected& result);

// No id in a segment that cannot be read, or has lost some of its events, is greater: by its record, or where that does not
// say, by the time at which its files were last written. Nil: nothing is known.
Uuid greatest_id_unread(const Inspected& inspected);
// The same by the time at which these files were last written alone.
Uuid greatest_id_written(const std::vector<std::filesystem::path>& files);

// What the record says of a segment whose own file says nothing any more, or cannot be read at the moment.
void go_by_the_record(Inspected& result, bool lost);

// The record of what was acknowledged is there, whole, and empty.
bool knows_of_none(const Inspected& inspected);
// Nor can anything that it does not know have been acknowledged.
bool was_refused_whole(const Inspected& inspected);

// Whether the WAL holds the last frame of a transaction, page and all (sqlite.org/fileformat2.html section
// 4), accepted by SQLite or not. Frames are written in order, so a crash alone never leaves that without the
// rest; a power cut does, of what was not synced. Nothing: the disk does not give it.
std::optional<bool> wal_has_commit(const std::string& wal);

// By its header; other databases may lie in the folder as well.
bool looks_like_segment(const std::filesystem::path& file);

}  // namespace hookspool::storage
