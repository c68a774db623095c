// `hookspool tail`: webhooks as they pass, to the terminal or on to a service of a developer's. Asks the running agent, over its
// Unix socket, and touches nothing on the way of an event; exit codes as in admin_commands.h. Not thread-safe: one a process.
#pragma once

#include <string>

#include "agent/commands/admin_commands.h"
#include "agent/config/config.h"

namespace hookspool::agent {

struct TailCommand {
  std::string source;                  // empty: all
  std::string forward;                 // a URL; empty: nowhere
  bool headers = false, body = false;  // with --json
  // Until SIGINT, or standard output is closed; goes on where it was after a restart of the agent.
  int run(const Config& config, const AdminTarget& target) const;
};

}  // namespace hookspool::agent
