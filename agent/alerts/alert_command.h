// Runs the program that an administrator names for alerts: without a shell, with the alert on its standard input, for a limited
// time. It gets PATH, HOME, LANG and TZ of the agent's environment and nothing else, for there may be passwords in it, and no
// descriptor of the agent's. What is still at work when the time is up is killed, with all that it has started in its
// process group.
// Source: posix_spawn(3), pidfd_open(2). Thread-safe (holds no state). REQUIRES: the process ignores SIGPIPE.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "net/http/call_deadline.h"
#include "storage/model/result.h"

namespace hookspool::agent {

inline constexpr std::size_t kCommandOutputBytesMax = 4'096;  // more is read and dropped

struct CommandEnd {
  int exit_code = 0;   // -1: a signal ended it
  std::string output;  // standard output and error together, its beginning
};

// Blocks until it has ended. The error says why it has not: it could not be started, took longer than `limit`, or was cancelled.
Result<CommandEnd, std::string> run_alert_command(const std::vector<std::string>& words,
                                                  const std::string& input, std::chrono::milliseconds limit,
                                                  net::Cancellation& cancellation);

}  // namespace hookspool::agent
