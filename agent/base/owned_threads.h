// The threads of one owner, whose end is waited for with a limit: one that waits for a dead server or disk must not hold up
// the process's end.
//
// The owner tells its jobs to end by a flag of its own, and declares this after everything that they use.
// Not thread-safe: start(), join() and the destructor belong to one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "storage/base/mutex.h"

namespace hookspool::agent {

class OwnedThreads {
 public:
  OwnedThreads() = default;
  ~OwnedThreads();  // waits for all, without a limit
  OwnedThreads(const OwnedThreads&) = delete;
  OwnedThreads& operator=(const OwnedThreads&) = delete;

  // `name`: for top and gdb, at most 15 bytes. What `job` throws ends the process.
  void start(std::string name, std::function<void()> job) EXCLUDES(mutex_);
  // Waits for all. False: one was still at its job when the grace was over; it stays, and may be waited for again.
  bool join(std::chrono::milliseconds grace) EXCLUDES(mutex_);

 private:
  void join_all();

  Mutex mutex_;
  CondVar ended_;
  std::size_t running_ GUARDED_BY(mutex_) = 0;
  std::vector<std::thread> threads_;  // last: they use all of the above
};

}  // namespace hookspool::agent
