#include "agent/intake/lost_deliveries.h"

#include <algorithm>

namespace hookspool::agent {
namespace {

constexpr std::size_t kIdLength = 36;

// Of a range in text().
std::size_t line_bytes(const std::string& lane) {
  return 2 * (kIdLength + 1) + lane.size() + 1;
}

}  // namespace

bool LostDeliveries::add(const storage::LostIds& lost) {
  if (lost.after >= lost.before || lost.lane.find('\n') != std::string::npos) return false;
  auto& ranges = ranges_[lost.lane];
  Range all{lost.after, lost.before};
  for (const Range& range : ranges) {
    if (range.after <= all.after && all.before <= range.before) return false;
  }
  const std::size_t before = ranges.size();
  std::erase_if(ranges, [&](const Range& range) {
    if (range.before <= all.after || all.before <= range.after) return false;
    all = {std::min(range.after, all.after), std::max(range.before, all.before)};
    return true;
  });
  ranges.insert(
      std::lower_bound(ranges.begin(), ranges.end(), all,
                       [](const Range& range, const Range& other) { return range.after < other.after; }),
      all);
  const std::size_t removed = before + 1 - ranges.size();
  count_ += 1;
  count_ -= removed;
  bytes_ += line_bytes(lost.lane);
  bytes_ -= removed * line_bytes(lost.lane);
  while (count_ > kRangesMax || bytes_ > kTextBytesMax) make_smaller();
  return true;
}

void LostDeliveries::add_all(const LostDeliveries& other) {
  for (const auto& [lane, ranges] : other.ranges_) {
    for (const Range& range : ranges) add({lane, range.after, range.before});
  }
}

// Ranges of a lane are in order, do not overlap, and are never none.
void LostDeliveries::make_smaller() {
  const auto most = std::max_element(ranges_.begin(), ranges_.end(), [](const auto& a, const auto& b) {
    return a.second.size() < b.second.size();
  });
  count_ -= 1;
  if (most->second.size() > 1) {
    bytes_ -= line_bytes(most->first);
    most->second[0].before = most->second[1].before;
    most->second.erase(most->second.begin() + 1);
    return;
  }
  const auto oldest = std::min_element(ranges_.begin(), ranges_.end(), [](const auto& a, const auto& b) {
    return a.second.front().before < b.second.front().before;
  });
  bytes_ -= line_bytes(oldest->first);
  ranges_.erase(oldest);
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
