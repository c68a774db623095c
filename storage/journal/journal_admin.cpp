#include "storage/journal/journal_admin.h"

#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "storage/journal/journal_parts.h"
#include "storage/segment/segment_reader.h"

namespace hookspool::storage {

std::vector<SegmentInfo> JournalAdmin::segments() const {
  return parts_.catalogue.segments();
}

JournalResult<void> JournalAdmin::drop_segment(std::uint64_t number) {
  return parts_.removal.remove(number);
}

JournalResult<void> JournalAdmin::rotate() {
  return parts_.writer->rotate();
}

JournalResult<void> JournalAdmin::save_cursors() {
  return parts_.writer->save_cursors();
}

JournalAdmin::Late JournalAdmin::try_unreadable() {
  const std::size_t before = parts_.late.unreadable().size();
  if (before == 0) return {};
  Late late{parts_.late.try_again(), false};
  late.found = parts_.late.unreadable().size() < before;
  return late;
}

JournalResult<void> JournalAdmin::scan_dedupe_keys(std::uint64_t from_segment,
                                                   const DedupeKeyVisitor& visit) const {
  JournalResult<void> result;
  for (const auto& file : parts_.catalogue.files(from_segment)) {
    std::error_code error;
    // Nothing is left of it but the record of what it held; the opening has reported that.
    if (!file->lost_from.empty() && !std::filesystem::exists(file->path, error) && !error) continue;
    JournalResult<std::unique_ptr<SegmentReader>> reader = parts_.readers.take(file);
    JournalResult<void> scanned = reader.ok() ? (*reader)->scan_dedupe_keys(visit) : fail(reader.error());
    if (reader.ok() && (scanned.ok() || file->parked.load())) parts_.readers.put(std::move(*reader));
    if (scanned.ok() || file->dropped.load()) continue;
    // A segment that cannot be read at the moment weighs more than rows that never will be.
    if (result.ok() || result.error().kind == JournalError::Kind::kCorrupt) result = std::move(scanned);
  }
  return result;
}

void JournalAdmin::set_quotas(const JournalOptions& options) {
  parts_.space.set_limits(options);
}

JournalStats JournalAdmin::stats() const {
  JournalStats stats = parts_.writer->figures();
  const auto unreadable = parts_.late.unreadable();
  stats.unreadable_segments = unreadable.size();
  if (!unreadable.empty()) {
    const auto& [number, why] = *unreadable.begin();
    stats.unreadable_because = parts_.folder->segment_file(number).string() + ": " + why;
  }
  stats.set_aside_files = parts_.set_aside_files;
  return stats;
}

std::vector<LaneUsage> JournalAdmin::lane_usages() const {
  return parts_.space.lane_usages();
}

}  // namespace hookspool::storage
