// The kernel's random numbers: the only place where the agent reads them. Thread-safe.
#pragma once

#include <cstddef>
#include <span>

namespace hookspool::agent {

void random_bytes(std::span<std::byte> out);  // getrandom(2); ends the process if the kernel has none
double random_unit();                         // uniform in [0, 1)

}  // namespace hookspool::agent
