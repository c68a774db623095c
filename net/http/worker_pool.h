// A fixed number of threads that run jobs in the order they came.
//
// Bounded by its owner: a connection has at most one job, so the queue is never longer than connections_max.
// Thread-safe, but for the constructor and the destructor.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "net/http/connection.h"

namespace hookspool::net {

class WorkerPool {
 public:
  using Work = std::function<void(Job&&)>;

  // `work` is called by several threads at once. Throws std::system_error when a thread cannot be made.
  WorkerPool(std::size_t workers, Work work);
  ~WorkerPool();  // drops what is queued and waits for what runs

  void submit(std::vector<Job>& jobs);  // moved out of
  // Takes back what has been waiting since `latest` or longer, for the loop to answer.
  std::vector<Job> take_back(Clock::time_point latest);
  void drop_queued();

 private:
  void run();
  void stop_and_join();

  const Work work_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> queue_;
  std::size_t sleeping_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace hookspool::net
