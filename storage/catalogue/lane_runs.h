// The lanes: each one's numbers by epoch, and in which segments they lie.
//
// Internal to storage/catalogue. Not thread-safe: Catalogue holds its mutex. A lane's record stays where it is until
// begin_epoch() or forget_empty() removes it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "storage/catalogue/records.h"
#include "storage/catalogue/segment_contents.h"

namespace hookspool::storage {

// The first piece that does not end before this number.
template <class Pieces>
auto place_of(Pieces& pieces, std::uint64_t seq) {
  return std::partition_point(pieces.begin(), pieces.end(),
                              [&](const auto& piece) { return piece.last_seq < seq; });
}

class LaneRuns {
 public:
  using Lanes = std::map<std::string, LaneRecord, std::less<>>;

  explicit LaneRuns(const Uuid& epoch) : epoch_(epoch) {}

  const Uuid& epoch() const { return epoch_; }  // the current one
  void begin_epoch(const Uuid& epoch);

  const Lanes& all() const { return lanes_; }
  const LaneRecord* find(std::string_view lane) const;
  LaneRecord& at(std::string_view lane) { return lanes_.find(lane)->second; }  // REQUIRES: it is there
  const EpochRun* find_run(std::string_view lane, const Uuid& epoch) const;
  EpochRun* find_run(std::string_view lane, const Uuid& epoch);
  // REQUIRES: the run has a piece that begins with that number.
  static const LanePiece& piece_of(const EpochRun& run, std::uint64_t first_seq);

  // `segment`: the current one. Where the run is not known yet its place is before the runs that lie in later segments only.
  EpochRun& run_of(const std::string& lane, const Uuid& epoch, std::uint64_t segment);
  // A run of which nothing is left, and nothing can come, is of no use; nor is a lane without runs.
  void forget_empty(const std::string& lane);

  // Whether another segment holds one of its numbers.
  bool overlaps(const SegmentContents& contents) const;

 private:
  Uuid epoch_;
  Lanes lanes_;
};

}  // namespace hookspool::storage
