#include "agent/base/wall_clock.h"

#include <chrono>

namespace hookspool::agent {

std::int64_t wall_clock_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace hookspool::agent
