#include "storage/catalogue/segment_table.h"

#include <algorithm>
#include <string>
#include <utility>

namespace hookspool::storage {

const SegmentRecord* SegmentTable::find(std::uint64_t number) const {
  const auto found = segments_.find(number);
  return found == segments_.end() ? nullptr : &found->second;
}

void SegmentTable::set_bytes(SegmentRecord& segment, std::uint64_t bytes) {
  bytes_ += bytes - segment.bytes;
  segment.bytes = bytes;
}

void SegmentTable::erase(std::uint64_t number) {
  bytes_ -= segments_.at(number).bytes;
  segments_.erase(number);
}

SegmentRecord& SegmentTable::begin_active(std::uint64_t number) {
  active_ = number;
  SegmentRecord& segment = segments_[number];
  segment.active = true;
  return segment;
}

void SegmentTable::end_active() {
  active().active = false;
  active_.reset();
}

bool SegmentTable::has_unknown_between(std::uint64_t after, std::uint64_t before) const {
  const auto found = unknown_.upper_bound(after);
  return found != unknown_.end() && *found < before;
}

std::optional<std::uint64_t> SegmentTable::oldest_delivered() const {
  for (const auto& [number, segment] : segments_) {
    if (!segment.active && segment.is_delivered()) return number;
  }
  return std::nullopt;
}

bool SegmentTable::active_delivered() const {
  if (!active_) return false;
  const SegmentRecord& segment = segments_.at(*active_);
  return segment.events > 0 && segment.is_delivered();
}

JournalResult<SegmentTable::Drop> SegmentTable::begin_drop(std::uint64_t number) const {
  const auto refuse = [&](const std::string& why) {
    return fail(JournalError{JournalError::Kind::kNotFound, "segment " + std::to_string(number) + " " + why});
  };
  const auto found = segments_.find(number);
  if (found == segments_.end()) return refuse("is not there");
  if (found->second.active) return refuse("is the one being written; close it with rotate() first");
  if (!found->second.is_delivered()) return refuse("holds events that are not confirmed: it is kept");
  const bool covered = std::any_of(segments_.begin(), segments_.end(), [&](const auto& other) {
    return other.first != number && other.second.greatest_id >= found->second.greatest_id;
  });
  Drop drop{found->second.file, std::nullopt};
  if (!covered && !found->second.greatest_id.is_nil()) drop.uncovered_id = found->second.greatest_id;
  return drop;
}

void SegmentTable::compared(std::string_view lane) {
  for (auto& [number, segment] : segments_) {
    const auto found = segment.uncompared.find(lane);
    if (found != segment.uncompared.end()) segment.uncompared.erase(found);
  }
}

std::vector<SegmentInfo> SegmentTable::infos() const {
  std::vector<SegmentInfo> result;
  result.reserve(segments_.size());
  for (const auto& [number, segment] : segments_) {
    result.push_back({number, segment.epoch, segment.bytes, segment.events, segment.newest_received_at_us,
                      segment.active, segment.is_delivered()});
  }
  return result;
}

std::vector<std::shared_ptr<SegmentFile>> SegmentTable::files(std::uint64_t from_segment) const {
  std::vector<std::shared_ptr<SegmentFile>> files;
  for (auto segment = segments_.lower_bound(from_segment); segment != segments_.end(); ++segment)
    files.push_back(segment->second.file);
  return files;
}

}  // namespace hookspool::storage
