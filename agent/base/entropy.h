// The wall clock and the kernel's random numbers: the only places where the agent reads them.
// Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace hookspool::agent {

std::int64_t wall_clock_us();                 // microseconds since 1970-01-01 UTC
void random_bytes(std::span<std::byte> out);  // getrandom(2); ends the process if the kernel has none
double random_unit();                         // uniform in [0, 1)

}  // namespace hookspool::agent
