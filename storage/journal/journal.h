// The journal: webhooks on the local disk, from their acknowledgement until retention lets them go.
//
// A folder of SQLite files (segments; the bytes are described in storage/segment/FORMAT.md), exactly one of which is
// written, by one thread over one connection that also checkpoints. Every opening of the journal begins a new
// epoch and a new segment, so a file that an earlier process wrote, or whose sync failed, is never written
// again.
//
// Thread-safe: every member may be called from any thread, except close() and the destructor, which must be
// the last call. Errors come back as values; SQLite's exceptions end inside storage/.
// This layer reads no clock (ages come from the events' own received_at_us), draws no random numbers and logs
// nothing: what an operator should read is in the returned values and in `Opened::notes`.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/histogram.h"
#include "storage/model/event.h"
#include "storage/model/journal_error.h"
#include "storage/model/lane_run.h"
#include "storage/model/result.h"
#include "storage/model/uuid.h"

namespace hookspool::storage {

// Room is short, and delivered history goes, from this share of bytes_max on, and below this multiple of
// free_bytes_min.
inline constexpr double kLowSpaceRatio = 0.85;
inline constexpr double kLowFreeSpaceRatio = 1.25;

// How much of the journal one lane may keep, and how early it is refused when room gets short.
struct LaneQuota {
  // Of its undelivered events, and of the delivered ones that are kept only because of them.
  std::uint64_t bytes_max = UINT64_MAX;
  bool sender_retries = false;  // false: a refused event is lost, so this lane is refused last
};

struct JournalOptions {
  std::filesystem::path folder;                 // made (0700) if absent
  std::string agent_id;                         // empty: the one kept in the folder, else made there once
  RandomBytes random_bytes;                     // thread-safe
  std::uint64_t bytes_max = 2ull << 30;         // all segments together; above it append() answers kFull
  std::uint64_t free_bytes_min = 256ull << 20;  // of the file system; below it append() answers kFull
  // The lanes that are known beforehand. `other_quota` is for all others; its bytes_max counts only while the
  // journal knows more than one lane, for nobody else needs the room.
  std::map<std::string, LaneQuota, std::less<>> lane_quotas;
  LaneQuota other_quota;
  // A file that is given up when letting go of segments itself finds no room on the disk; 0: none. At most a
  // sixteenth of bytes_max. It counts neither as the journal's nor as free.
  std::uint64_t reserve_bytes = 4ull << 20;
  std::uint64_t segment_bytes_max = 64ull << 20;                      // a segment is closed at this size ...
  std::chrono::microseconds segment_age_max = std::chrono::hours(1);  // ... or this age of its first event
  std::size_t lanes_max = 1024;
  std::size_t group_events_max = 1024;  // one commit at most
  std::size_t group_bytes_max = 8u << 20;
  std::string vfs;  // SQLite's name of the VFS for all files of segments; empty: its default
  // Called by the writer's thread before a group is written, with what is in it: for lanes that can use the time that the
  // sync takes. Nothing of it may be relied on, for on_committed may never follow; must not block.
  std::function<void(std::span<const EventPtr>)> on_committing;
  // Called by the writer's thread after a group is durable, before its senders are answered; must not block.
  std::function<void(std::span<const EventPtr>)> on_committed;
};

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

// "3.40.1": of the library in use. Thread-safe.
std::string sqlite_version();

class Journal {
 public:
  struct Opened {
    std::unique_ptr<Journal> journal;
    std::vector<std::string> notes;   // what the opening found: files set aside, segments recovered
    std::vector<std::string> losses;  // acknowledged events that the disk has lost, with lane, epoch, numbers
    std::vector<LostIds> lost_ids;    // of the same events
  };
  static JournalResult<Opened> open(JournalOptions options);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  const std::string& agent_id() const;
  Uuid epoch() const;  // the current one; changes when a failed segment was sealed

  // Blocks until the event is on disk (its transaction is synced and the file still has its name) or refused.
  JournalResult<EventPtr> append(Event event);
  // The same without waiting. `appended` is called exactly once, by the writer's thread between two groups, or by the
  // caller's before this returns; it must neither block nor throw, and must not call the journal's blocking members.
  // How many events are on their way at once is for the caller to limit.
  using Appended = std::function<void(JournalResult<EventPtr>)>;
  void append(Event event, Appended appended);

  // Lanes that have retained events or are known from this life.
  std::vector<std::string> lanes() const;
  // The retained runs of a lane, oldest epoch first.
  std::vector<LaneRun> runs(std::string_view lane) const;
  // Up to the given numbers of durable events from `from_seq` on, in order, without a gap, at least one.
  // Events before one that cannot be read are returned first: an error is always about `from_seq` itself, and
  // reading may go on at from_seq + 1. kCorrupt: its row is missing or its checksum does not fit.
  JournalResult<std::vector<EventPtr>> read(std::string_view lane, const Uuid& epoch, std::uint64_t from_seq,
                                            std::size_t events_max, std::size_t bytes_max) const;

  // Shows every durable event that has a dedupe key, of the segments from this number on. What cannot be read is left
  // out and told in the error, after everything else was shown.
  JournalResult<void> scan_dedupe_keys(std::uint64_t from_segment, const DedupeKeyVisitor& visit) const;

  // After kCorrupt: the first number above `from_seq` that can be read, or last_seq + 1 of the run if none can,
  // or the one up to which it looked: it tries `tries_max` numbers at most.
  JournalResult<std::uint64_t> next_readable(std::string_view lane, const Uuid& epoch, std::uint64_t from_seq,
                                             std::size_t tries_max) const;

  // What is retained of the lane has been held against the numbers that PostgreSQL has recorded as lost: salvaged
  // segments, which are kept until then whatever is confirmed, may go as others do.
  void compared(std::string_view lane);

  // PostgreSQL has the lane's run up to here. Never moves back unless `rewind`; a number beyond the run's
  // last is ignored. Kept on disk lazily: with the next group, or by save_cursors(); losing it costs a
  // question to PostgreSQL, never an event.
  void confirm(std::string_view lane, const Uuid& epoch, Position position, bool rewind = false);
  // Writes only if something changed, or to learn whether the disk can be written again after a failure.
  JournalResult<void> save_cursors();

  // Tries again what could not be read at the opening. Answers what an operator should read; `found` is true where
  // events have turned up: of lanes that may have been unknown, and of epochs that are older than others.
  struct Late {
    std::vector<std::string> notes;
    bool found = false;
  };
  Late try_unreadable();

  std::vector<SegmentInfo> segments() const;  // oldest first
  // Unlinks one segment. Refused (kNotFound) for the active one and for one that is not wholly delivered.
  JournalResult<void> drop_segment(std::uint64_t number);
  // Closes the active segment although it is small, so that it can be dropped when delivered.
  JournalResult<void> rotate();
  // Begins a new epoch: for a journal that has found out that another one uses its epoch too (a live clone).
  JournalResult<void> begin_epoch();

  // Small texts that belong to the journal (which database it writes to, ...), each a file written atomically.
  // Names are lower-case letters and '-'. nullopt: never written.
  JournalResult<std::optional<std::string>> read_note(std::string_view name) const;
  JournalResult<void> write_note(std::string_view name, const std::string& text);

  // Other limits from now on: of `options` bytes_max, free_bytes_min, lane_quotas and other_quota count. Nothing that is
  // there already goes because of it, but delivered history.
  void set_quotas(const JournalOptions& options);

  JournalStats stats() const;
  // The lanes of options.lane_quotas and those with retained events, by name.
  std::vector<LaneUsage> lane_usages() const;

  // Answers what waits, checkpoints, releases the lock. append() answers kClosed from then on.
  JournalResult<void> close();

 private:
  class Impl;
  explicit Journal(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hookspool::storage
