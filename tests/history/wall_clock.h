// The checker's stamps: wall clock, microseconds since 1970-01-01 UTC. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>

namespace hookspool::history {

inline std::int64_t wall_clock_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace hookspool::history
