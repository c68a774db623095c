// How long until the journal is full, if it goes on as in the last minute: from the growth of what cannot be given
// up, by a monotonic clock. Not thread-safe, but for forecast(): sample() and news() belong to the upkeep's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "agent/config/config.h"
#include "storage/base/mutex.h"
#include "storage/journal/journal_stats.h"
#include "storage/model/lane_run.h"

namespace hookspool::agent {

// The journal at one moment, in bytes.
struct FillFacts {
  std::uint64_t kept = 0;  // what retention may not drop: undelivered, or in one segment with undelivered
  std::uint64_t left =
      0;  // what may be added to that: up to max_bytes or down to min_free_bytes, whichever is less
};
FillFacts fill_facts(std::span<const storage::SegmentInfo> segments, const storage::JournalStats& stats,
                     const JournalConfig& config);

class FillForecast {
 public:
  using Clock = std::chrono::steady_clock;
  using Seconds = std::chrono::duration<double>;
  static constexpr Seconds kWindow{60};          // older growth counts for less than a third
  static constexpr Seconds kFarthest{86'400e3};  // 1,000 days; beyond it there is nothing to say
  static constexpr Seconds kWarnBelow{3'600};
  static constexpr Seconds kWarnAgainBelow{600};
  static constexpr Seconds kWatchedBeforeWarning{15};

  void sample(Clock::time_point now, const FillFacts& facts);

  struct Forecast {
    double bytes_per_second = 0;          // negative: it is emptying
    std::optional<Seconds> until_full{};  // nothing: it is not filling
    std::uint64_t left = 0;               // FillFacts::left of the last sample
  };
  Forecast forecast() const;

  // A line for the log when the time left has fallen below an hour, and again below ten minutes; once each, until
  // there is twice as much time again.
  std::optional<std::string> news();

 private:
  Clock::time_point first_{}, last_{};
  std::uint64_t kept_ = 0;
  double weight_ = 0;  // of all samples so far, 1 at most: few samples are not yet a minute
  double growth_ = 0;  // weighted, not yet divided by weight_
  unsigned told_ = 0;  // 1: below an hour, 2: below ten minutes
  mutable Mutex mutex_;
  Forecast forecast_ GUARDED_BY(mutex_);
};

}  // namespace hookspool::agent
