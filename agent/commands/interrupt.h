// A command that goes on until it is ended: SIGINT, SIGTERM and SIGHUP end its waits, so that it can put the terminal right and
// say how it went. Not thread-safe: one thread, once a process.
#pragma once

#include <chrono>

namespace hookspool::agent {

void end_by_signal();  // from now on these signals are only noted
bool is_ended();
// Sleeps; true: a signal came, now or before.
bool wait_for_end(std::chrono::milliseconds duration);

}  // namespace hookspool::agent
