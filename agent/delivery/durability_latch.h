// How far a lane's events have been handed over, and waiting for it. note() and tell() come from the journal's writer, wait()
// from the worker that runs the lane. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "storage/model/event.h"

namespace hookspool::agent {

class DurabilityLatch {
 public:
  // Whether a thread waits, which is then to be notified.
  bool publish(const StoredEvent& event) {
    const std::lock_guard lock(mutex_);
    epoch_ = event.epoch;
    seq_ = event.seq;
    return awaited_;
  }
  // By a thread that holds no lock that others need: waking a thread takes a call of the system.
  void notify() { arrived_.notify_one(); }

  // Until this number of this epoch, or a later one, has been handed over; false: `limit` has passed.
  bool wait_for(const Uuid& epoch, std::uint64_t seq, std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    awaited_ = true;
    const bool here = arrived_.wait_for(lock, limit, [&] { return epoch_ == epoch && seq_ >= seq; });
    awaited_ = false;
    return here;
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  Uuid epoch_;
  std::uint64_t seq_ = 0;
  bool awaited_ = false;
};

}  // namespace hookspool::agent
