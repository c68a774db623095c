// What a new configuration changes, key by key, and which of its keys cannot change while the agent runs. Names keys
// only: a value may be a secret. Pure; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "agent/config/config.h"

namespace hookspool::agent {

struct ConfigChanges {
  std::vector<std::string> changed;  // "agent.log_level", "sources.shop.secrets", "sources.old (removed)"
  std::vector<std::string> needs_restart;  // "intake.listen"
};

// Holds `next` against `now`, and puts what takes a restart back to what it was: then `next` is what can be in force.
ConfigChanges settle_changes(const Config& now, Config& next);

}  // namespace hookspool::agent
