// The wall clock: the only place where the agent reads it. What decides by time takes a TimeSource. Thread-safe.
#pragma once

#include <cstdint>

namespace hookspool::agent {

std::int64_t wall_clock_us();  // microseconds since 1970-01-01 UTC

}  // namespace hookspool::agent
