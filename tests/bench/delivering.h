// The agent under load while it delivers to PostgreSQL on the same cores, and whether it keeps up: rates count only what
// does not pile up. Throws std::runtime_error where something does not answer.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "tests/bench/rig.h"

namespace hookspool::bench {

struct DeliveringFigures {
  std::vector<double> accepted_per_second;   // between two marks
  std::vector<double> delivered_per_second;  // the same
  std::vector<double> backlog;               // events, at each mark
  std::uint64_t errors = 0;
  bool grew = false;
};

// REQUIRES: the agent has caught up.
DeliveringFigures load_while_delivering(const testing::AgentProcess& agent, std::chrono::seconds time,
                                        std::chrono::seconds mark, double pause_ms = 0);

// The same at the greatest rate at which the backlog does not grow: probes of `probe` halve the pause that each connection
// makes before its next request, between none and one at which 0.8 times `delivered` cannot be exceeded; what is found is then
// held for `time`. `grew` where that failed three times, each slower.
DeliveringFigures find_sustained(const testing::AgentProcess& agent, double delivered,
                                 std::chrono::seconds probe, std::chrono::seconds time,
                                 std::chrono::seconds mark);

}  // namespace hookspool::bench
