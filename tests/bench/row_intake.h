// What the rows "intake" and "p99" are made of: rounds of the empty handler, the agent and the bare commit loop in turn.
#pragma once

#include <cstdint>
#include <vector>

namespace hookspool::bench {

struct IntakeFigures {  // a value a round
  std::vector<double> empty_per_second, agent_per_second, bare_per_second;
  std::vector<double> empty_p99_us, agent_p99_us, bare_p99_us;
  std::vector<double> bare_default_p99_us;  // with the checkpoints that SQLite makes by default
  std::vector<double> group_events;         // of the agent's commits, on the mean
  std::uint64_t errors = 0;                 // of the agent's answers, that were none, or not 2xx
  std::uint64_t empty_errors = 0;           // of the empty handler's
};

}  // namespace hookspool::bench
