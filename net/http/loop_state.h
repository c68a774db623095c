// What the parts of one loop (loop.h) read at every turn and only the loop itself writes: limits, time, the state of the
// stop; and the figures that they count. Plain values of the loop's thread, but for Counters: read by any thread.
#pragma once

#include <atomic>
#include <cstdint>

#include "net/http/deadlines.h"
#include "net/http/request_head.h"
#include "net/http/server.h"

namespace hookspool::net {

struct LoopState {
  explicit LoopState(const HttpOptions& options_)
      : options(options_),
        limits{options.head_bytes_max, options.header_lines_max, options.path_bytes_max,
               options.body_bytes_max} {}

  HttpOptions options;
  HeadLimits limits;      // of the same; a request in the middle keeps those it began with
  Clock::time_point now;  // of this turn
  bool stopping = false;
  // Stopping: no connection waits for a request beyond it. max: not stopping.
  Clock::time_point linger_until = Clock::time_point::max();
};

// Kept by the loop and the workers.
struct Counters {
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> connections{0};
  std::atomic<std::uint64_t> connections_refused{0};
  std::atomic<std::uint64_t> connections_evicted{0};
  std::atomic<std::uint64_t> requests_shed{0};
  std::atomic<std::uint64_t> requests_given_up{0};
  std::atomic<std::uint64_t> in_handler{0};
  std::atomic<std::uint64_t> handler_failures{0};
};

}  // namespace hookspool::net
