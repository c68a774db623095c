// `hookspool events`: what the journal still holds. It asks the running agent, over its Unix socket; exit codes as in
// admin_commands.h. Not thread-safe: one a process.
#pragma once

#include <cstdint>
#include <string>

#include "agent/commands/admin_commands.h"
#include "agent/config/config.h"

namespace hookspool::agent {

inline constexpr std::uint64_t kEventsListedMax = 10'000;  // in one call of the command
inline constexpr const char* kEventsSince = "1h";          // where nothing else is said

struct EventsCommand {
  std::string source, since, until, id, delivery_id, where;  // empty: all
  std::uint64_t limit = 100;
  bool headers = false, body = false;  // of show
  int list(const Config& config, const AdminTarget& target) const;
  int show(const Config& config, const AdminTarget& target) const;
};

}  // namespace hookspool::agent
