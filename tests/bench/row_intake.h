// What the rows "intake", "intake-nginx", "cpu", "p99" and "p99-p50" are made of: rounds of nginx, the empty handler, the
// agent and the bare commit loop in turn.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace hookspool::bench {

struct IntakeRounds {                    // a value a round
  std::vector<double> nginx_per_second;  // empty where nginx is not installed
  std::vector<double> empty_per_second, agent_per_second, bare_per_second;
  std::vector<double> empty_p99_us, agent_p99_us, agent_p50_us, bare_p99_us;
  std::vector<double> agent_cpu_us;                       // of the agent, an event
  std::map<std::string, std::vector<double>> threads_us;  // the same of its threads, by name
  std::vector<double> bare_default_p99_us;                // with the checkpoints that SQLite makes by default
  std::vector<double> group_events;                       // of the agent's commits, on the mean
  std::uint64_t errors = 0;        // of the agent's answers, that were none, or not 2xx
  std::uint64_t empty_errors = 0;  // of the empty handler's
};

// Each measured once.
struct IntakeFigures {
  std::optional<IntakeRounds> of_1kb, of_github;
};

}  // namespace hookspool::bench
