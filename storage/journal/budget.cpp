#include "storage/journal/budget.h"

#include <algorithm>

namespace hookspool::storage {
namespace {

double scaled(double factor, std::uint64_t bytes) {
  return factor * static_cast<double>(bytes);
}

JournalError full(JournalError::Kind kind, std::string text) {
  return {kind, std::move(text)};
}

}  // namespace

Budget::Budget(const JournalOptions& options) : options_(options) {
  const auto retries = [](const auto& entry) { return entry.second.sender_retries; };
  const auto& rooms = options_.lane_quotas;
  // Keeping a stretch free for no lane would only make the journal smaller.
  has_last_resort_ =
      std::any_of(rooms.begin(), rooms.end(), retries) && !std::all_of(rooms.begin(), rooms.end(), retries);
}

const LaneQuota& Budget::quota_of(std::string_view lane) const {
  const auto named = options_.lane_quotas.find(lane);
  return named == options_.lane_quotas.end() ? options_.other_quota : named->second;
}

bool Budget::beyond(double share, double free, std::uint64_t more, const SpaceFacts& facts) const {
  return static_cast<double>(facts.bytes + more) > scaled(share, options_.bytes_max) ||
         static_cast<double>(facts.free_bytes) <
             scaled(free, options_.free_bytes_min) + scaled(1, facts.reserve_missing);
}

bool Budget::is_short(std::uint64_t more, const SpaceFacts& facts) const {
  return beyond(kLowSpaceRatio, kLowFreeSpaceRatio, more, facts);
}

bool Budget::in_last_stretch(std::uint64_t more, const SpaceFacts& facts) const {
  return beyond(kLastShare, kLastFree, more, facts);
}

std::optional<JournalError> Budget::refuse_all(std::uint64_t more, const SpaceFacts& facts) const {
  if (facts.bytes + more > options_.bytes_max) {
    return full(JournalError::Kind::kFull,
                "the journal holds " + std::to_string(facts.bytes) + " of the " +
                    std::to_string(options_.bytes_max) +
                    " bytes it may take; it needs deliveries to PostgreSQL, or a higher limit");
  }
  const std::uint64_t most = UINT64_MAX - facts.reserve_missing;
  const std::uint64_t stays_free = std::min(options_.free_bytes_min, most) + facts.reserve_missing;
  if (facts.free_bytes < stays_free) {
    return full(
        JournalError::Kind::kFull,
        "only " + std::to_string(facts.free_bytes) + " bytes are free on the disk of " +
            options_.folder.string() + "; " + std::to_string(stays_free) +
            " are to stay free: make room there, or it needs deliveries to PostgreSQL, or a lower limit");
  }
  return std::nullopt;
}

std::optional<JournalError> Budget::refuse(std::string_view lane, std::uint64_t held_bytes,
                                           std::uint64_t more, const SpaceFacts& facts) const {
  if (auto refusal = refuse_all(more, facts)) return refusal;
  const LaneQuota& quota = quota_of(lane);
  const std::string name = "lane '" + std::string(lane) + "'";
  const bool counts = &quota != &options_.other_quota || facts.other_lanes;
  if (counts && held_bytes + more > quota.bytes_max) {
    return full(JournalError::Kind::kLaneFull,
                name + " holds " + std::to_string(held_bytes) + " of the " + std::to_string(quota.bytes_max) +
                    " bytes that its undelivered events may keep in the journal; it needs deliveries to "
                    "PostgreSQL, or a higher limit of its own");
  }
  if (has_last_resort_ && quota.sender_retries && in_last_stretch(more, facts)) {
    return full(JournalError::Kind::kLaneFull,
                "the journal holds " + std::to_string(facts.bytes) + " of the " +
                    std::to_string(options_.bytes_max) + " bytes it may take, and " +
                    std::to_string(facts.free_bytes) +
                    " are free on its disk; what is left is kept for senders that do not send again, and the "
                    "sender of " +
                    name + " does; it needs deliveries to PostgreSQL, or a higher limit");
  }
  return std::nullopt;
}

}  // namespace hookspool::storage
