// What the alerts are decided by, at one moment: the figures that /health and /metrics show. Plain values.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/alerts/silent_sources.h"
#include "agent/config/config.h"

namespace hookspool::agent {

struct AlertFacts {
  struct BlockedLane {
    std::string name, reason, hint;  // the reason quotes no event
  };
  struct Certificate {
    std::string whose;  // "intake", "postgres"
    std::int64_t not_after_s = 0;
  };

  bool postgres_up = true;  // also where none is configured
  bool postgres_refuses = false;
  milliseconds down_for{0};
  std::string postgres_reason, postgres_hint;  // quote no event
  std::vector<BlockedLane> blocked_lanes;      // by name
  bool accepting = true;
  bool full = false;  // why it does not accept: room, else a failure
  std::string refusing_because;
  std::uint64_t damaged_files = 0;
  std::optional<std::chrono::duration<double>> until_full;
  std::uint64_t pending = 0;
  std::uint64_t lost = 0;  // counts since the start, which only grow
  std::uint64_t dead_letters = 0;
  std::vector<Certificate> certificates;
  std::vector<SilentSources::Count> sources;
};

}  // namespace hookspool::agent
