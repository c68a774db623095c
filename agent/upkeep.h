// What has to be done now and then: save the lanes' cursors, let go of old segments, tell systemd and the log how
// it goes. Called about once a second by the main thread, never by a request. Not thread-safe.
#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>

#include "agent/config.h"
#include "agent/fill_forecast.h"
#include "agent/health.h"
#include "agent/segment_age.h"

namespace hookspool::agent {

class Upkeep {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr milliseconds kTick{1'000};
  static constexpr milliseconds kStatusInterval{10'000};

  // What is given by reference must outlive it.
  Upkeep(const HealthSources& sources, const JournalConfig& config, FillForecast& forecast);
  void tick(Clock::time_point now);

 private:
  void retain(Clock::time_point now);
  void age(Clock::time_point now, std::uint64_t newest_closed);
  void tell_refused();
  void tell(Clock::time_point now);

  const HealthSources& sources_;
  const JournalConfig& config_;
  const milliseconds watchdog_interval_;
  SegmentAge age_;
  std::optional<Clock::time_point> aged_at_;
  Clock::time_point next_note_{};
  std::optional<Mode> told_mode_;
  std::string told_journal_error_;
  std::set<std::string> told_refused_;  // sources
  FillForecast& forecast_;
  Clock::time_point next_status_{}, next_watchdog_{};
};

}  // namespace hookspool::agent
