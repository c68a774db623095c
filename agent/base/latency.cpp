#include "agent/base/latency.h"

#include <algorithm>
#include <bit>

namespace hookspool::agent {
namespace {

std::size_t bucket_of(std::uint64_t us) {
  if (us < 8) return static_cast<std::size_t>(us);
  const auto power = static_cast<std::size_t>(std::bit_width(us)) - 1;  // >= 3
  const auto eighth = static_cast<std::size_t>((us >> (power - 3)) & 7);
  return (power - 2) * 8 + eighth;
}

double upper_ms(std::size_t bucket) {
  if (bucket < 8) return static_cast<double>(bucket) / 1000;
  const std::size_t power = bucket / 8 + 2;
  const double base = static_cast<double>(1ull << power);
  return base * (1 + static_cast<double>(bucket % 8 + 1) / 8) / 1000;
}

}  // namespace

void LatencyRecorder::turn(Clock::time_point now) {
  const auto age = [&] {
    return now.time_since_epoch().count() - turned_at_.load(std::memory_order_relaxed);
  };
  const auto window = std::chrono::duration_cast<Clock::duration>(kWindow).count();
  if (age() < window) return;
  const MutexLock lock(turning_);
  const auto elapsed = age();
  if (elapsed < window) return;
  const std::size_t next = 1 - current_.load(std::memory_order_relaxed);
  // After a long silence both windows are old.
  for (std::size_t i = 0; i < windows_.size(); ++i) {
    if (i != next && elapsed < 2 * window) continue;
    for (auto& count : windows_[i].counts) count.store(0, std::memory_order_relaxed);
    windows_[i].sum_us.store(0, std::memory_order_relaxed);
    windows_[i].max_us.store(0, std::memory_order_relaxed);
  }
  current_.store(next, std::memory_order_relaxed);
  turned_at_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
}

void LatencyRecorder::record(std::chrono::microseconds duration, Clock::time_point now) {
  turn(now);
  const auto us = static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0));
  auto& window = windows_[current_.load(std::memory_order_relaxed)];
  window.counts[std::min(bucket_of(us), kBuckets - 1)].fetch_add(1, std::memory_order_relaxed);
  window.sum_us.fetch_add(us, std::memory_order_relaxed);
  auto seen = window.max_us.load(std::memory_order_relaxed);
  while (us > seen && !window.max_us.compare_exchange_weak(seen, us, std::memory_order_relaxed)) {
  }
  total_.fetch_add(1, std::memory_order_relaxed);
  since_start_.record(us);
}

LatencyFigures LatencyRecorder::figures(Clock::time_point now) {
  turn(now);
  std::array<std::uint64_t, kBuckets> counts{};
  LatencyFigures figures;
  std::uint64_t sum_us = 0, max_us = 0;
  for (const auto& window : windows_) {
    for (std::size_t i = 0; i < kBuckets; ++i) {
      counts[i] += window.counts[i].load(std::memory_order_relaxed);
      figures.count += window.counts[i].load(std::memory_order_relaxed);
    }
    sum_us += window.sum_us.load(std::memory_order_relaxed);
    max_us = std::max(max_us, window.max_us.load(std::memory_order_relaxed));
  }
  if (figures.count == 0) return figures;
  figures.max_ms = static_cast<double>(max_us) / 1000;
  figures.mean_ms = static_cast<double>(sum_us) / static_cast<double>(figures.count) / 1000;
  const auto quantile = [&](double share) {
    const auto rank = static_cast<std::uint64_t>(share * static_cast<double>(figures.count - 1)) + 1;
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < kBuckets; ++i) {
      below += counts[i];
      if (below >= rank) return std::min(upper_ms(i), figures.max_ms);
    }
    return figures.max_ms;
  };
  figures.p50_ms = quantile(0.50);
  figures.p99_ms = quantile(0.99);
  return figures;
}

}  // namespace hookspool::agent
