#include "storage/journal/lane_numbers.h"

namespace hookspool::storage {

LaneNumbers::Lane LaneNumbers::of(const std::string& name) const {
  const auto found = lanes_.find(name);
  return found == lanes_.end() ? Lane{} : found->second;
}

void LaneNumbers::adopt(const ByName& lanes, std::size_t new_in_segment) {
  for (const auto& [name, lane] : lanes) lanes_[name] = lane;
  in_segment_ += static_cast<std::uint32_t>(new_in_segment);
}

void LaneNumbers::end_segment() {
  in_segment_ = 0;
  for (auto& [name, lane] : lanes_) lane.number_in_segment = 0;
}

void LaneNumbers::end_epoch() {
  in_segment_ = 0;
  lanes_.clear();
}

}  // namespace hookspool::storage
