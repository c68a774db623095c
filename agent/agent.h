// The agent: everything put together, started in the order of the data's way and stopped against it.
// run() belongs to the main thread; it blocks the signals it waits for in every thread.
#pragma once

#include "agent/config.h"

namespace hookspool::agent {

// Serves until SIGTERM or SIGINT; a second one ends the process at once, which is safe.
// Returns an exit code (exit_codes.h).
int run_agent(const Config& config);

}  // namespace hookspool::agent
