// How the administrator's commands talk to the running agent: over its Unix socket, JSON both ways.
// Not thread-safe. REQUIRES: the process ignores SIGPIPE.
#pragma once

#include <optional>
#include <string>

#include "agent/config/config.h"

namespace hookspool::agent {

struct AdminCall {
  int code = 0;      // an exit code (exit_codes.h); anything but 0 has been reported on standard error
  std::string body;  // JSON
};

// `socket`: of the command line; empty: the configuration's. `body` empty: GET, else POST.
AdminCall admin_call(const Config& config, const std::string& socket, const std::string& target,
                     const std::string& body);
// The same, and nothing, silently, where no agent answers (a socket that this user may not use is reported): for what goes on over a restart of the agent.
std::optional<AdminCall> admin_call_if_there(const Config& config, const std::string& socket,
                                             const std::string& target, const std::string& body);

}  // namespace hookspool::agent
