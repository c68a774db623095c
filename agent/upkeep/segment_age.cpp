#include "agent/upkeep/segment_age.h"

#include <algorithm>
#include <sstream>

namespace hookspool::agent {

SegmentAge SegmentAge::parse(std::string_view text) {
  std::istringstream words{std::string(text)};
  SegmentAge age;
  Mark mark;
  if (!(words >> age.now_ms_) || age.now_ms_ < 0) return {};
  while (age.marks_.size() < kMarksMax && words >> mark.at_ms >> mark.segment) {
    const bool follows = age.marks_.empty() ||
                         (mark.at_ms >= age.marks_.back().at_ms && mark.segment > age.marks_.back().segment);
    if (!follows || mark.at_ms < 0 || mark.at_ms > age.now_ms_) return {};
    age.marks_.push_back(mark);
  }
  return age;
}

std::string SegmentAge::text() const {
  std::string text = std::to_string(now_ms_) + "\n";
  for (const Mark& mark : marks_) {
    text += std::to_string(mark.at_ms) + " " + std::to_string(mark.segment) + "\n";
  }
  return text;
}

void SegmentAge::advance(milliseconds passed, std::uint64_t newest_closed, milliseconds keep) {
  now_ms_ += std::max<std::int64_t>(passed.count(), 0);
  const auto spacing_ms = keep.count() / kMarksInKeep;
  const bool due = marks_.empty() || now_ms_ - marks_.back().at_ms >= spacing_ms;
  if (due && newest_closed > (marks_.empty() ? 0 : marks_.back().segment)) {
    marks_.push_back({now_ms_, newest_closed});
  }
  // One that has aged is as good as all before it.
  while (marks_.size() > 1 && marks_[1].at_ms + keep.count() <= now_ms_) marks_.erase(marks_.begin());
  if (marks_.size() > kMarksMax) marks_.erase(marks_.begin() + 1);
}

std::uint64_t SegmentAge::aged_up_to(milliseconds keep) const {
  std::uint64_t number = 0;
  for (const Mark& mark : marks_) {
    if (mark.at_ms + keep.count() <= now_ms_) number = mark.segment;
  }
  return number;
}

}  // namespace hookspool::agent
