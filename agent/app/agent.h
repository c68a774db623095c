// The agent: everything put together, started in the order of the data's way and stopped against it.
// Not thread-safe: run_agent() belongs to the main thread; it blocks the signals it waits for in every thread.
#pragma once

#include <string>

#include "agent/config/config.h"

namespace hookspool::agent {

// Serves until SIGTERM or SIGINT; a second one ends the process at once, which is safe.
// Returns an exit code (exit_codes.h).
// A reload reads `config_file` again; empty: the embedded default. `log_format`, where it is given (as in `config`), counts instead
// of the file's in a reload.
int run_agent(const Config& config, const std::string& config_file, const std::string& log_format);

}  // namespace hookspool::agent
