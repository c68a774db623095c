// How much of a batch may be held in memory as a whole, where it is compared with what PostgreSQL has; one that is only
// sent is read in slices. Pure; thread-safe.
#pragma once

#include <algorithm>
#include <cstddef>

#include "agent/config/config.h"

namespace hookspool::agent {

inline std::size_t held_events_max(const PostgresConfig& config) {
  return std::min<std::size_t>(config.batch_events_max, 1000);
}

inline std::size_t held_bytes_max(const PostgresConfig& config) {
  return std::min<std::size_t>(config.batch_bytes_max, 4u << 20);
}

}  // namespace hookspool::agent
