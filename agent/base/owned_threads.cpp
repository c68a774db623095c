#include "agent/base/owned_threads.h"

#include <pthread.h>

#include <utility>

namespace hookspool::agent {

OwnedThreads::~OwnedThreads() {
  join_all();
}

void OwnedThreads::start(std::string name, std::function<void()> job) {
  const MutexLock lock(mutex_);  // so that it is counted before it ends
  threads_.emplace_back([this, name = std::move(name), job = std::move(job)] {
    ::pthread_setname_np(::pthread_self(), name.c_str());
    job();
    const MutexLock ended(mutex_);
    --running_;
    ended_.notify_all();
  });
  ++running_;
}

bool OwnedThreads::join(std::chrono::milliseconds grace) {
  {
    const MutexLock lock(mutex_);
    if (!ended_.wait_for(mutex_, grace, [this]() REQUIRES(mutex_) { return running_ == 0; })) return false;
  }
  join_all();
  return true;
}

void OwnedThreads::join_all() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace hookspool::agent
