#include "storage/catalogue/lane_runs.h"

#include <cassert>
#include <utility>

namespace hookspool::storage {

void LaneRuns::begin_epoch(const Uuid& epoch) {
  epoch_ = epoch;
  std::vector<std::string> names;
  for (const auto& [lane, record] : lanes_) names.push_back(lane);
  for (const std::string& lane : names) forget_empty(lane);
}

const LaneRecord* LaneRuns::find(std::string_view lane) const {
  const auto found = lanes_.find(lane);
  return found == lanes_.end() ? nullptr : &found->second;
}

const EpochRun* LaneRuns::find_run(std::string_view lane, const Uuid& epoch) const {
  const auto found = lanes_.find(lane);
  if (found == lanes_.end()) return nullptr;
  // The newest epochs are asked for most.
  const std::vector<EpochRun>& runs = found->second.runs;
  const auto run = std::find_if(runs.rbegin(), runs.rend(),
                                [&](const EpochRun& candidate) { return candidate.epoch == epoch; });
  return run == runs.rend() ? nullptr : &*run;
}

EpochRun* LaneRuns::find_run(std::string_view lane, const Uuid& epoch) {
  return const_cast<EpochRun*>(static_cast<const LaneRuns*>(this)->find_run(lane, epoch));
}

EpochRun& LaneRuns::run_of(const std::string& lane, const Uuid& epoch, std::uint64_t segment) {
  if (EpochRun* run = find_run(lane, epoch)) return *run;
  EpochRun run;
  run.epoch = epoch;
  std::vector<EpochRun>& runs = lanes_[lane].runs;
  const auto is_later = [&](const EpochRun& other) {
    if (epoch != epoch_ && other.epoch == epoch_) return true;
    return !other.pieces.empty() &&
           std::all_of(other.pieces.begin(), other.pieces.end(),
                       [&](const LanePiece& piece) { return piece.segment > segment; });
  };
  return *runs.insert(std::find_if(runs.begin(), runs.end(), is_later), std::move(run));
}

bool LaneRuns::overlaps(const SegmentContents& contents) const {
  return std::any_of(contents.lanes.begin(), contents.lanes.end(), [&](const SegmentLane& lane) {
    const EpochRun* run = find_run(lane.lane, contents.epoch);
    if (run == nullptr) return false;
    auto piece = place_of(run->pieces, lane.first_seq);
    for (; piece != run->pieces.end() && piece->first_seq <= lane.last_seq; ++piece) {
      if (piece->segment != contents.file->number) return true;
    }
    return false;
  });
}

const LanePiece& LaneRuns::piece_of(const EpochRun& run, std::uint64_t first_seq) {
  const auto piece = place_of(run.pieces, first_seq);
  assert(piece != run.pieces.end() && piece->first_seq == first_seq);
  return *piece;
}

void LaneRuns::forget_empty(const std::string& lane) {
  const auto found = lanes_.find(lane);
  if (found == lanes_.end()) return;
  std::vector<EpochRun>& runs = found->second.runs;
  std::erase_if(runs, [&](const EpochRun& run) { return run.pieces.empty() && run.epoch != epoch_; });
  if (runs.empty()) lanes_.erase(found);
}

}  // namespace hookspool::storage
