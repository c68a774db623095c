// How many file descriptors this process may have. A connection costs one, and what the journal and PostgreSQL
// need must never be taken by clients. Thread-safe; called once, at the start.
#pragma once

#include <cstddef>

namespace hookspool::agent {

// Raises the process's soft limit as far as it is useful and allowed. How many connections the intake may have
// without taking what the rest needs: `wanted` at most.
std::size_t descriptors_for_connections(std::size_t wanted);

}  // namespace hookspool::agent
