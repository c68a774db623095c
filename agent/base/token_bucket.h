// How often something may happen: so many times a second on average, and so many at once after a pause.
// The time is given: a steady clock's. Tokens: not thread-safe. TokenBucket: thread-safe.
#pragma once

#include <algorithm>
#include <chrono>
#include <utility>

#include "storage/base/mutex.h"

namespace hookspool::agent {

// What a bucket holds.
class Tokens {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Tokens(double count, Clock::time_point filled_at = {}) : count_(count), filled_at_(filled_at) {}

  double count() const { return count_; }
  // What has been earned since the last time, up to `most` in all.
  void fill(double per_second, double most, Clock::time_point now) {
    const std::chrono::duration<double> passed = now - std::exchange(filled_at_, std::max(now, filled_at_));
    if (passed.count() > 0) count_ = std::min(most, count_ + passed.count() * per_second);
  }
  bool take() {
    if (count_ < 1) return false;
    count_ -= 1;
    return true;
  }
  void give_back(double most) { count_ = std::min(most, count_ + 1); }

 private:
  double count_;
  Clock::time_point filled_at_;
};

class TokenBucket {
 public:
  using Clock = Tokens::Clock;

  // REQUIRES: per_second > 0, burst >= 1
  TokenBucket(double per_second, double burst) : per_second_(per_second), burst_(burst), tokens_(burst) {}

  // Takes one; else how long until there is one again.
  std::chrono::duration<double> take(Clock::time_point now) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    tokens_.fill(per_second_, burst_, now);
    if (tokens_.take()) return {};
    return std::chrono::duration<double>((1 - tokens_.count()) / per_second_);
  }

  // Of what has taken one and turned out not to count.
  void give_back() EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    tokens_.give_back(burst_);
  }

 private:
  const double per_second_, burst_;
  Mutex mutex_;
  Tokens tokens_ GUARDED_BY(mutex_);
};

}  // namespace hookspool::agent
