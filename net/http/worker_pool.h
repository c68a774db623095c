// A fixed number of threads that run jobs in the order they came.
//
// Bounded by its owner: a connection has at most one job, so the queue is never longer than connections_max.
// Thread-safe, but for the constructor and the destructor.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "net/http/connection.h"
#include "storage/base/mutex.h"

namespace hookspool::net {

class WorkerPool {
 public:
  using Work = std::function<void(Job&&)>;

  // `work` is called by several threads at once. Throws std::system_error when a thread cannot be made.
  WorkerPool(std::size_t workers, Work work);
  ~WorkerPool();  // drops what is queued and waits for what runs

  void submit(std::vector<Job>& jobs) EXCLUDES(mutex_);  // moved out of
  // Takes back what has been waiting since `latest` or longer, for the loop to answer.
  std::vector<Job> take_back(Clock::time_point latest) EXCLUDES(mutex_);
  void drop_queued() EXCLUDES(mutex_);

 private:
  void run() EXCLUDES(mutex_);
  void stop_and_join() EXCLUDES(mutex_);

  const Work work_;
  Mutex mutex_;
  CondVar wake_;
  std::deque<Job> queue_ GUARDED_BY(mutex_);
  std::size_t sleeping_ GUARDED_BY(mutex_) = 0;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace hookspool::net
