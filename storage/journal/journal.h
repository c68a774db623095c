// The journal: webhooks on the local disk, from their acknowledgement until retention drops them. This is what intake and
// lanes need of it: append, read, confirm. Segments, limits and figures are with admin(), small texts beside it with notes().
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

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/journal/journal_admin.h"
#include "storage/journal/journal_notes.h"
#include "storage/journal/journal_options.h"
#include "storage/model/event.h"
#include "storage/model/journal_error.h"
#include "storage/model/lane_run.h"
#include "storage/model/result.h"
#include "storage/model/uuid.h"

namespace hookspool::storage {

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

  // After kCorrupt: the first number above `from_seq` that can be read, or last_seq + 1 of the run if none can,
  // or the one up to which it looked: it tries `tries_max` numbers at most.
  JournalResult<std::uint64_t> next_readable(std::string_view lane, const Uuid& epoch, std::uint64_t from_seq,
                                             std::size_t tries_max) const;

  // What is retained of the lane has been held against the numbers that PostgreSQL has recorded as lost: salvaged
  // segments, which are kept until then whatever is confirmed, may go as others do.
  void compared(std::string_view lane);

  // PostgreSQL has the lane's run up to here. Never moves back unless `rewind`; a number beyond the run's
  // last is ignored. Kept on disk lazily: with the next group, or by JournalAdmin::save_cursors(); losing it costs
  // a question to PostgreSQL, never an event.
  void confirm(std::string_view lane, const Uuid& epoch, Position position, bool rewind = false);

  // Begins a new epoch: for a journal that has found out that another one uses its epoch too (a live clone).
  JournalResult<void> begin_epoch();

  JournalAdmin& admin() { return admin_; }
  const JournalAdmin& admin() const { return admin_; }
  JournalNotes& notes() { return notes_; }
  const JournalNotes& notes() const { return notes_; }

  // Answers what waits, checkpoints, releases the lock. append() answers kClosed from then on.
  JournalResult<void> close();

 private:
  explicit Journal(std::unique_ptr<JournalParts> parts);

  const std::unique_ptr<JournalParts> parts_;
  JournalAdmin admin_;
  JournalNotes notes_;
};

}  // namespace hookspool::storage
