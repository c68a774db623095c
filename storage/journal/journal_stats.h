// What a journal says of itself. Plain values; not synchronized.
#pragma once

#include <cstdint>
#include <string>

#include "storage/base/histogram.h"

namespace hookspool::storage {

struct JournalStats {
  std::uint64_t bytes = 0;  // all segments
  std::uint64_t bytes_max = 0;
  std::uint64_t free_bytes = 0;  // of the file system, when last looked at
  std::uint64_t segments = 0;
  std::uint64_t events_appended = 0;  // since the opening
  std::uint64_t events_refused = 0;   // answered with an error since the opening
  std::uint64_t commits = 0;
  std::uint64_t commit_failures = 0;
  std::uint64_t last_commit_us = 0;  // the last group's transaction with its sync, by the steady clock
  std::uint64_t mean_commit_us = 0;  // exponentially weighted
  std::uint64_t max_commit_us = 0;
  Histogram::Counts commits_took{};
  Histogram::Counts syncs_took{};   // of each, SQLite's COMMIT alone: its pages into the WAL, and their sync
  std::uint64_t pending = 0;        // durable and not confirmed, all lanes
  std::uint64_t pending_bytes = 0;  // of those, as LaneUsage counts them
  bool reserve_held = false;
  std::uint64_t sealed_after_error = 0;
  std::uint64_t checkpoint_failures = 0;  // the WAL goes on then, and the next checkpoint tries again
  std::uint64_t rotation_failures = 0;    // no new segment could be made: the full one goes on
  std::uint64_t wal_bytes = 0;  // of the segment being written; a long reader keeps it from shrinking
  std::uint64_t acked_record_failures = 0;  // events are accepted all the same, with less protection
  std::uint64_t unreadable_segments =
      0;                              // could not be read so far: what waits in them is not known for sure
  std::string unreadable_because;     // of the first of them: the file and why
  std::uint64_t set_aside_files = 0;  // damaged-* and duplicate-* segments that wait for hookspool salvage
  std::uint64_t lost = 0;  // acknowledged, not confirmed, and no longer in any file, as the opening found it
  std::string last_error;  // of the last group, checkpoint or new segment that failed; it stays
  bool accepting =
      true;  // there is room for a lane at least, and the last thing that was written could be written
  std::string refusing_because;  // empty when accepting
  bool at_disk = false;          // the writer is busy with its files at this moment
  bool full = false;             // refusing for want of room (budget, free space); else for a failure
};

// What one lane takes of the journal.
struct LaneUsage {
  std::string lane;
  // What is durable and not confirmed. Exact for what this process took in; of older segments each event
  // counts as their average.
  std::uint64_t pending_bytes = 0;
  std::uint64_t bytes_max = 0;  // UINT64_MAX: only the journal's limit counts
  bool sender_retries = false;
  std::string refused_because;  // empty: an event of it would be taken
};

}  // namespace hookspool::storage
