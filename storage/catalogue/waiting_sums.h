// The sums over what waits for its confirmation: of each run, of each segment, of the journal; and what each lane keeps of
// delivered history. Kept with every change, so that asking for one takes no time however many segments and lanes there are:
// they are asked for under the mutex that every commit needs.
//
// Internal to storage/catalogue. Not thread-safe: Catalogue holds its mutex.
#pragma once

#include <cstdint>

#include "storage/catalogue/records.h"
#include "storage/catalogue/segment_table.h"

namespace hookspool::storage {

class WaitingSums {
 public:
  explicit WaitingSums(SegmentTable& segments) : segments_(segments) {}  // which outlives this

  // Of a piece, by what is confirmed of its run. Within a piece every event counts as its average.
  static WaitingEvents waiting_of(const LanePiece& piece, std::uint64_t confirmed_seq);

  // What waits of a piece is this much now.
  void set(LaneRecord& lane, EpochRun& run, LanePiece& piece, const WaitingEvents& waiting);
  // After a change of what is confirmed.
  void recount(LaneRecord& lane, EpochRun& run);
  // After a change of the segment's sums, its holders, or whether it is active.
  static void share_out(SegmentRecord& segment);

  const WaitingEvents& total() const { return total_; }
  static std::uint64_t waiting_bytes(const LaneRecord& lane);
  // With its part of what has been delivered but lies in closed segments that cannot go because of it.
  static std::uint64_t held_bytes(const LaneRecord& lane) { return waiting_bytes(lane) + lane.kept_bytes; }

 private:
  SegmentTable& segments_;
  WaitingEvents total_;
};

}  // namespace hookspool::storage
