// An open journal as retention, reload, health and the index of deliveries see it: its segments, its limits, its figures.
//
// Thread-safe. Calls that block on the disk say so; the others take a mutex for the time of a look at memory.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/journal/journal_options.h"
#include "storage/journal/journal_stats.h"
#include "storage/model/event.h"
#include "storage/model/journal_error.h"
#include "storage/model/lane_run.h"

namespace hookspool::storage {

struct JournalParts;

class JournalAdmin {
 public:
  explicit JournalAdmin(JournalParts& parts) : parts_(parts) {}  // which outlives this

  std::vector<SegmentInfo> segments() const;  // oldest first
  // Unlinks one segment; blocks on the disk. Refused (kNotFound) for the active one and for one that is not wholly delivered.
  JournalResult<void> drop_segment(std::uint64_t number);
  // Closes the active segment although it is small, so that it can be dropped when delivered. Blocks on the disk.
  JournalResult<void> rotate();
  // What Journal::confirm() has changed, to the disk, for which it waits. Writes only if something changed, or to learn whether
  // the disk can be written again after a failure.
  JournalResult<void> save_cursors();

  // Tries again what could not be read at the opening; blocks on the disk. Answers what an operator should read; `found` is
  // true where events have turned up: of lanes that may have been unknown, and of epochs that are older than others.
  struct Late {
    std::vector<std::string> notes;
    bool found = false;
  };
  Late try_unreadable();
  // Shows every durable event that has a dedupe key, of the segments from this number on; reads them whole. What cannot be
  // read is left out and named in the error, after everything else was shown.
  JournalResult<void> scan_dedupe_keys(std::uint64_t from_segment, const DedupeKeyVisitor& visit) const;

  // Other limits from now on: of `options` bytes_max, free_bytes_min, lane_quotas and other_quota count. Nothing that is
  // there already goes because of it, but delivered history.
  void set_quotas(const JournalOptions& options);

  JournalStats stats() const;
  // The lanes of options.lane_quotas and those with retained events, by name.
  std::vector<LaneUsage> lane_usages() const;

 private:
  JournalParts& parts_;
};

}  // namespace hookspool::storage
