// How long something takes, over the last one to two minutes: a histogram with eight buckets per power of two
// (so a quantile is at most 9 % off), in two windows that take turns. And since the start, in coarser buckets.
// Thread-safe; recording is a few relaxed atomic additions.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

#include "storage/base/histogram.h"
#include "storage/base/mutex.h"

namespace hookspool::agent {

struct LatencyFigures {
  std::uint64_t count = 0;  // in the window; the figures below are 0 when it is
  double mean_ms = 0, p50_ms = 0, p99_ms = 0, max_ms = 0;
};

class LatencyRecorder {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kWindow{60};

  void record(std::chrono::microseconds duration, Clock::time_point now = Clock::now());
  LatencyFigures figures(Clock::time_point now = Clock::now());
  std::uint64_t total() const { return total_.load(std::memory_order_relaxed); }
  Histogram::Counts since_start() const { return since_start_.counts(); }

 private:
  static constexpr std::size_t kBuckets = 8 * 32;  // up to 2^32 us, more than an hour
  struct Window {
    std::array<std::atomic<std::uint32_t>, kBuckets> counts{};
    std::atomic<std::uint64_t> sum_us{0};
    std::atomic<std::uint64_t> max_us{0};
  };
  void turn(Clock::time_point now);

  std::array<Window, 2> windows_;
  std::atomic<std::size_t> current_{0};
  std::atomic<Clock::rep> turned_at_{Clock::now().time_since_epoch().count()};
  std::atomic<std::uint64_t> total_{0};
  Histogram since_start_;
  Mutex turning_;  // one turn of the windows at a time; their numbers are atomic
};

}  // namespace hookspool::agent
