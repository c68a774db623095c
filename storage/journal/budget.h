// Is there room for one more event of this lane? The ladder of a journal that fills up:
//
//   1. delivered history is shed (JournalSpace does that before it asks here); what is undelivered never is
//   2. a lane over its ceiling is refused, so that one noisy source cannot close the door for the others
//   3. in the last stretch only lanes whose senders never send again are accepted
//   4. at the end, none is
//
// Internal to storage/. Pure: numbers in, an answer out; immutable, so thread-safe. All sizes are in bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/journal/journal_options.h"
#include "storage/model/journal_error.h"

namespace hookspool::storage {

// The journal and its disk at one moment.
struct SpaceFacts {
  std::uint64_t bytes = 0;            // all segments
  std::uint64_t free_bytes = 0;       // of the file system
  std::uint64_t reserve_missing = 0;  // what the reserve, given up at the moment, will take again
  bool other_lanes = false;           // the journal knows lanes besides the one that is asked about
};

class Budget {
 public:
  // The last stretch begins at this share of bytes_max, and below this multiple of free_bytes_min.
  static constexpr double kLastShare = 0.90;
  static constexpr double kLastFree = 1.10;

  // Takes bytes_max, free_bytes_min, lane_quotas and other_quota.
  explicit Budget(const JournalOptions& options);

  // Of which only the above count.
  const JournalOptions& options() const { return options_; }

  // Why `more` bytes of this lane cannot be taken, with the numbers and the remedy; nothing if they can.
  // `held_bytes`: the lane's undelivered events, and what is kept only because of them.
  std::optional<JournalError> refuse(std::string_view lane, std::uint64_t held_bytes, std::uint64_t more,
                                     const SpaceFacts& facts) const;

  const LaneQuota& quota_of(std::string_view lane) const;
  // Delivered history should go: the tick of the agent's retention sees to that.
  bool is_short(std::uint64_t more, const SpaceFacts& facts) const;
  // Delivered history has to be evicted now, before an event is refused.
  bool in_last_stretch(std::uint64_t more, const SpaceFacts& facts) const;

 private:
  bool beyond(double share, double free, std::uint64_t more, const SpaceFacts& facts) const;
  std::optional<JournalError> refuse_all(std::uint64_t more, const SpaceFacts& facts) const;

  const JournalOptions options_;
  bool has_last_resort_ = false;  // some named lane's sender retries, and some other's does not
};

}  // namespace hookspool::storage
