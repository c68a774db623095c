// What is where: the segments, each lane's numbers in them, and how far PostgreSQL is known to have each
// lane.
//
// Internal to storage/. Thread-safe: one mutex over plain memory, never held during I/O, so that what is read together fits
// together: the numbers of the lanes (LaneRuns), the segments (SegmentTable) and the sums over both (WaitingSums). Only
// durable events are in it, so what a failed commit may have left in a file is never shown.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/base/mutex.h"
#include "storage/catalogue/lane_runs.h"
#include "storage/catalogue/segment_contents.h"
#include "storage/catalogue/segment_table.h"
#include "storage/catalogue/waiting_sums.h"
#include "storage/model/event.h"
#include "storage/model/journal_error.h"
#include "storage/model/lane_run.h"
#include "storage/model/uuid.h"
#include "storage/segment/segment_reader.h"

namespace hookspool::storage {

class Catalogue {
 public:
  explicit Catalogue(const Uuid& epoch) : lanes_(epoch) {}

  // For the opening: segments in the order of their numbers, then the cursors, older ones first.
  // False if another segment holds one of its numbers already (then nothing was added).
  bool add_closed(const SegmentContents& contents);
  void set_cursor(const Cursor& cursor);
  // A segment is there whose numbers and lanes are not known until it can be read.
  void add_unknown(std::uint64_t number);

  // What such a segment holds, or one that add_closed() took by its record alone: instead of what was known of it. Its
  // epoch takes its place among the lanes' runs. False as with add_closed().
  bool add_late(const SegmentContents& contents);

  // For the writer.
  void begin_segment(std::shared_ptr<SegmentFile> file, const Uuid& greatest_id);
  // A durable group, in order, with the lane's number in the active segment and the bytes there for each event. `bytes`:
  // the segment's from now on.
  void committed(std::span<const EventPtr> events, std::span<const std::uint32_t> lane_numbers,
                 std::span<const std::size_t> stored_bytes, std::uint64_t bytes);
  void set_active_bytes(std::uint64_t bytes);
  void end_segment();
  void begin_epoch(const Uuid& epoch);
  std::vector<Cursor> take_changed_cursors();
  void put_back(const std::vector<Cursor>& cursors);  // they could not be saved
  bool has_changed_cursors() const;
  bool knows_lane(std::string_view lane) const;
  std::size_t lane_count() const;
  std::uint64_t bytes() const;

  // For the journal's callers.
  Uuid epoch() const;
  std::vector<std::string> lanes() const;
  std::vector<LaneRun> runs(std::string_view lane) const;
  // The slices that hold `from_seq` and what follows it without a gap; empty if it is not retained.
  std::vector<ReadSlice> locate(std::string_view lane, const Uuid& epoch, std::uint64_t from_seq,
                                std::size_t events_max) const;
  // The lanes of one segment; and how many segments hold numbers of this run below that one.
  std::vector<SegmentLane> lanes_of(std::uint64_t segment) const;
  std::size_t pieces_before(std::string_view lane, const Uuid& epoch, std::uint64_t seq) const;
  void confirm(std::string_view lane, const Uuid& epoch, Position position, bool rewind);
  void compared(std::string_view lane);  // Journal::compared()
  std::vector<SegmentInfo> segments() const;
  std::vector<std::shared_ptr<SegmentFile>> files(std::uint64_t from_segment) const;  // oldest first
  std::uint64_t segment_count() const;
  std::uint64_t pending() const;
  std::uint64_t pending_bytes() const;

  // For the room. Bytes that wait for their confirmation, of one lane.
  std::uint64_t waiting_bytes(std::string_view lane) const;
  // The bytes of the lane that wait, and its part of what has been delivered but lies in closed segments that cannot go
  // because of it.
  std::uint64_t held_bytes(std::string_view lane) const;
  // The oldest closed segment that is delivered; and whether the active one is, and holds anything.
  std::optional<std::uint64_t> oldest_delivered() const;
  bool active_delivered() const;

  // Dropping: begin_drop() checks and answers the file; then forget() or, if its name could not be taken
  // away, nothing.
  using Drop = SegmentTable::Drop;
  JournalResult<Drop> begin_drop(std::uint64_t number) const;
  void forget(std::uint64_t number);

  // The sums as they are kept, and as they are when all pieces are added up: for tests, which expect them to be the same.
  struct Sums {
    std::uint64_t bytes = 0, pending = 0, pending_bytes = 0;
    std::map<std::string, std::uint64_t, std::less<>> held_bytes;  // by lane
    std::set<std::uint64_t> delivered;                             // numbers of segments
    bool operator==(const Sums&) const = default;
  };
  Sums kept_sums() const;
  Sums recounted_sums() const;

 private:
  void take_in(const SegmentContents& contents) REQUIRES(mutex_);
  void take_out(std::uint64_t number) REQUIRES(mutex_);
  bool is_worth_reading_ahead(const SegmentRecord& segment, const LanePiece& piece) const REQUIRES(mutex_);

  mutable Mutex mutex_;
  LaneRuns lanes_ GUARDED_BY(mutex_);
  SegmentTable segments_ GUARDED_BY(mutex_);
  WaitingSums sums_ GUARDED_BY(mutex_){segments_};
  // Lane and epoch: not saved since they changed.
  std::set<std::pair<std::string, Uuid>> changed_cursors_ GUARDED_BY(mutex_);
};

}  // namespace hookspool::storage
