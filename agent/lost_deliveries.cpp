#include "agent/lost_deliveries.h"

#include <algorithm>

namespace hookspool::agent {
namespace {

constexpr std::size_t kIdLength = 36;

}  // namespace

bool LostDeliveries::add(const storage::LostIds& lost) {
  if (lost.after >= lost.before || lost.lane.find('\n') != std::string::npos) return false;
  auto& ranges = ranges_[lost.lane];
  Range all{lost.after, lost.before};
  for (const Range& range : ranges) {
    if (range.after <= all.after && all.before <= range.before) return false;
  }
  std::erase_if(ranges, [&](const Range& range) {
    if (range.before <= all.after || all.before <= range.after) return false;
    all = {std::min(range.after, all.after), std::max(range.before, all.before)};
    --count_;
    return true;
  });
  ranges.push_back(all);
  if (++count_ > kRangesMax) drop_oldest();
  return true;
}

void LostDeliveries::drop_oldest() {
  auto oldest_lane = ranges_.end();
  const auto oldest_of = [](const std::vector<Range>& ranges) {
    return std::min_element(ranges.begin(), ranges.end(),
                            [](const Range& a, const Range& b) { return a.before < b.before; });
  };
  for (auto lane = ranges_.begin(); lane != ranges_.end(); ++lane) {
    if (lane->second.empty()) continue;
    if (oldest_lane == ranges_.end() ||
        oldest_of(lane->second)->before < oldest_of(oldest_lane->second)->before)
      oldest_lane = lane;
  }
  if (oldest_lane == ranges_.end()) return;
  oldest_lane->second.erase(oldest_of(oldest_lane->second));
  if (oldest_lane->second.empty()) ranges_.erase(oldest_lane);
  --count_;
}

bool LostDeliveries::contains(std::string_view lane, const Uuid& id) const {
  const auto found = ranges_.find(lane);
  return found != ranges_.end() &&
         std::any_of(found->second.begin(), found->second.end(),
                     [&](const Range& range) { return range.after < id && id < range.before; });
}

std::string LostDeliveries::text() const {
  std::string text;
  for (const auto& [lane, ranges] : ranges_) {
    for (const Range& range : ranges)
      text += range.after.to_string() + " " + range.before.to_string() + " " + lane + "\n";
  }
  return text;
}

LostDeliveries LostDeliveries::parse(std::string_view text) {
  LostDeliveries lost;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.size() < 2 * (kIdLength + 1)) continue;
    const auto after = Uuid::parse(line.substr(0, kIdLength));
    const auto before = Uuid::parse(line.substr(kIdLength + 1, kIdLength));
    if (after && before) lost.add({std::string(line.substr(2 * (kIdLength + 1))), *after, *before});
  }
  return lost;
}

}  // namespace hookspool::agent
