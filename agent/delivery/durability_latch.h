// How far a lane's events are durable and handed over, and waiting for it. publish() and notify() come from the journal's
// writer, wait_for() from the worker that runs the lane. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>

#include "storage/base/mutex.h"
#include "storage/model/event.h"

namespace hookspool::agent {

class DurabilityLatch {
 public:
  // True: a thread waits, and notify() is to be called.
  bool publish(const StoredEvent& event) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    epoch_ = event.epoch;
    seq_ = event.seq;
    return awaited_;
  }
  // By a thread that holds no lock that others need: waking a thread is a system call.
  void notify() { published_.notify_one(); }

  // Until this number of this epoch, or a later one, has been published; false: `limit` has passed.
  bool wait_for(const Uuid& epoch, std::uint64_t seq, std::chrono::milliseconds limit) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    awaited_ = true;
    const bool here =
        published_.wait_for(mutex_, limit, [&]() REQUIRES(mutex_) { return epoch_ == epoch && seq_ >= seq; });
    awaited_ = false;
    return here;
  }

 private:
  Mutex mutex_;
  CondVar published_;
  Uuid epoch_ GUARDED_BY(mutex_);
  std::uint64_t seq_ GUARDED_BY(mutex_) = 0;
  bool awaited_ GUARDED_BY(mutex_) = false;
};

}  // namespace hookspool::agent
