// What of the history may go, and forgetting it.
#include <algorithm>
#include <string>
#include <utility>

#include "storage/catalogue/catalogue.h"

namespace hookspool::storage {

std::optional<std::uint64_t> Catalogue::oldest_delivered() const {
  const MutexLock lock(mutex_);
  for (const auto& [number, segment] : segments_) {
    if (!segment.active && delivered(segment)) return number;
  }
  return std::nullopt;
}

bool Catalogue::active_delivered() const {
  const MutexLock lock(mutex_);
  if (!active_) return false;
  const Segment& segment = segments_.at(*active_);
  return segment.events > 0 && delivered(segment);
}

JournalResult<Catalogue::Drop> Catalogue::begin_drop(std::uint64_t number) const {
  const MutexLock lock(mutex_);
  const auto refuse = [&](const std::string& why) {
    return fail(JournalError{JournalError::Kind::kNotFound, "segment " + std::to_string(number) + " " + why});
  };
  const auto found = segments_.find(number);
  if (found == segments_.end()) return refuse("is not there");
  if (found->second.active) return refuse("is the one being written; close it with rotate() first");
  if (!delivered(found->second)) return refuse("holds events that are not confirmed: it is kept");
  const bool covered = std::any_of(segments_.begin(), segments_.end(), [&](const auto& other) {
    return other.first != number && other.second.greatest_id >= found->second.greatest_id;
  });
  Drop drop{found->second.file, std::nullopt};
  if (!covered && !found->second.greatest_id.is_nil()) drop.uncovered_id = found->second.greatest_id;
  return drop;
}

void Catalogue::forget(std::uint64_t number) {
  const MutexLock lock(mutex_);
  const auto found = segments_.find(number);
  if (found == segments_.end()) return;
  const std::map<std::string, std::uint64_t> lanes = found->second.lanes;
  take_out(number);
  for (const auto& [lane, first_seq] : lanes) forget_empty_runs(lane);
}

// A run of which nothing is left, and nothing can come, is of no use to anyone; nor is a lane without runs.
void Catalogue::forget_empty_runs(const std::string& lane) {
  const auto found = lanes_.find(lane);
  if (found == lanes_.end()) return;
  std::vector<Run>& runs = found->second.runs;
  std::erase_if(runs,
                [&](const Run& run) REQUIRES(mutex_) { return run.pieces.empty() && run.epoch != epoch_; });
  if (runs.empty()) lanes_.erase(found);
}

}  // namespace hookspool::storage
