// The time, as something that is given to those who decide by it: a monotonic clock for waits and durations, a wall
// clock for stamps. Tests give one that they move themselves. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>

namespace hookspool::agent {

class TimeSource {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  virtual ~TimeSource() = default;
  virtual TimePoint now() const = 0;
  virtual std::int64_t wall_clock_us() const = 0;  // microseconds since 1970-01-01 UTC
};

// The machine's clocks.
const TimeSource& real_time();

}  // namespace hookspool::agent
