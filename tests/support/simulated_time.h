// A clock that stands still until a test moves it: hours of an outage pass in microseconds.
// Thread-safe.
#pragma once

#include <atomic>
#include <chrono>

#include "agent/base/time_source.h"

namespace hookspool::testing {

class SimulatedTime : public agent::TimeSource {
 public:
  TimePoint now() const override { return TimePoint(std::chrono::nanoseconds(elapsed_ns_)); }
  std::int64_t wall_clock_us() const override { return kStartUs + elapsed_ns_ / 1'000; }

  void advance(std::chrono::nanoseconds duration) { elapsed_ns_ += duration.count(); }
  void advance_to(TimePoint time) { elapsed_ns_ = time.time_since_epoch().count(); }

  static constexpr std::int64_t kStartUs = 1'700'000'000'000'000;

 private:
  std::atomic<std::int64_t> elapsed_ns_{std::chrono::nanoseconds(std::chrono::hours(1)).count()};
};

}  // namespace hookspool::testing
