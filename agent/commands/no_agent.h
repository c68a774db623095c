// Why a command did not reach the agent, in one line, and what to do. Thread-safe: no state.
#pragma once

#include <string>

#include "net/http/server.h"

namespace hookspool::agent {

// Reported on standard error; `options` names how to give another address ("--socket PATH"). The exit code: 77 where this user
// may not use the socket, else 69.
int tell_no_agent(const std::string& address, const net::HttpError& error, const std::string& options);

}  // namespace hookspool::agent
