#include "agent/upkeep/retention.h"

#include <algorithm>

namespace hookspool::agent {

RetentionPlan plan_retention(std::span<const storage::SegmentInfo> oldest_first, const RetentionFacts& facts,
                             const JournalConfig& config) {
  RetentionPlan plan;
  const auto bytes_limit =
      static_cast<std::uint64_t>(storage::kLowSpaceRatio * static_cast<double>(config.bytes_max));
  const auto free_limit =
      static_cast<std::uint64_t>(storage::kLowFreeSpaceRatio * static_cast<double>(config.free_bytes_min));
  std::uint64_t bytes = facts.bytes, free_bytes = facts.free_bytes;
  const auto short_of_room = [&] { return bytes > bytes_limit || free_bytes < free_limit; };
  bool undelivered_seen = false;
  for (const auto& segment : oldest_first) {
    if (segment.active) {
      plan.rotate = segment.delivered && segment.events > 0 && short_of_room() && !undelivered_seen;
      continue;
    }
    if (!segment.delivered) {
      undelivered_seen = true;
      continue;
    }
    if (!short_of_room() && segment.number > facts.aged_up_to) continue;
    plan.drop.push_back(segment.number);
    bytes -= std::min(bytes, segment.bytes);
    free_bytes += segment.bytes;
  }
  return plan;
}

}  // namespace hookspool::agent
