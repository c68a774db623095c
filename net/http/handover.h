// Whole requests on their way to those who serve them, and how many of them are out: no more than in_handler_max, the rest
// waits here in the order it came (backpressure). Bounded by the connections, each of which has one request at most.
//
// Not thread-safe: belongs to the loop.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <vector>

#include "net/http/connection.h"
#include "net/http/worker_pool.h"

namespace hookspool::net {

class Handover {
 public:
  // Serves a job in the loop's own thread. False: the job is as it was, and for a worker. Must not throw.
  using ServeHere = std::function<bool(Job& job)>;

  void add(Job&& job) { waiting_.push_back(std::move(job)); }
  // In the order they came, as many as may be out, until `time_max` is over. What is not for here goes with submit().
  void serve_here(const ServeHere& serve, std::size_t in_handler_max, std::chrono::microseconds time_max);
  // To the workers, as many as may be out.
  void submit(WorkerPool& workers, std::size_t in_handler_max);
  // Their answers came back.
  void returned(std::size_t jobs) { out_ -= jobs; }
  // Takes back what no worker has begun with and what has waited since `latest` or for longer.
  std::vector<Job> take_late(WorkerPool& workers, Clock::time_point latest);

 private:
  std::deque<Job> waiting_;
  std::vector<Job> going_;  // kept for its memory
  std::size_t out_ = 0;     // being served, and not answered
};

}  // namespace hookspool::net
