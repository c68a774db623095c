// How often something may happen: so many times a second on average, and so many at once after a pause.
// Thread-safe. The time is given: a steady clock's.
#pragma once

#include <algorithm>
#include <chrono>
#include <utility>

#include "storage/base/mutex.h"

namespace hookspool::agent {

class TokenBucket {
 public:
  using Clock = std::chrono::steady_clock;

  // REQUIRES: per_second > 0, burst >= 1
  TokenBucket(double per_second, double burst) : per_second_(per_second), burst_(burst), tokens_(burst) {}

  // Takes one; else how long until there is one again.
  std::chrono::duration<double> take(Clock::time_point now) {
    const MutexLock lock(mutex_);
    const std::chrono::duration<double> passed = now - std::exchange(filled_at_, std::max(now, filled_at_));
    if (passed.count() > 0) tokens_ = std::min(burst_, tokens_ + passed.count() * per_second_);
    if (tokens_ < 1) return std::chrono::duration<double>((1 - tokens_) / per_second_);
    tokens_ -= 1;
    return {};
  }

  // Of what has taken one and turned out not to count.
  void give_back() {
    const MutexLock lock(mutex_);
    tokens_ = std::min(burst_, tokens_ + 1);
  }

 private:
  const double per_second_, burst_;
  Mutex mutex_;
  double tokens_ GUARDED_BY(mutex_);
  Clock::time_point filled_at_ GUARDED_BY(mutex_){};
};

}  // namespace hookspool::agent
