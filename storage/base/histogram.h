// How often something took how long, since the start of the process: counts between fixed bounds, which only grow. Rates
// and quantiles are built from two readings (a classic histogram of Prometheus).
// Thread-safe; record() is two relaxed additions, and counts() may miss one that is made meanwhile.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace hookspool {

class Histogram {
 public:
  // From a fast disk's sync to an outage of an hour. Each is the greatest duration that its count includes.
  static constexpr std::array<std::uint64_t, 17> kBoundsUs{
      250,     500,     1'000,     2'500,     5'000,      10'000,     25'000,      50'000,       100'000,
      250'000, 500'000, 1'000'000, 2'500'000, 10'000'000, 60'000'000, 600'000'000, 3'600'000'000};

  struct Counts {
    std::array<std::uint64_t, kBoundsUs.size() + 1> each{};  // the last: above all bounds
    std::uint64_t sum_us = 0;
  };

  void record(std::uint64_t us) {
    const auto* const bound = std::lower_bound(kBoundsUs.begin(), kBoundsUs.end(), us);
    each_[static_cast<std::size_t>(bound - kBoundsUs.begin())].fetch_add(1, std::memory_order_relaxed);
    sum_us_.fetch_add(us, std::memory_order_relaxed);
  }
  Counts counts() const {
    Counts counts;
    for (std::size_t i = 0; i < each_.size(); ++i) counts.each[i] = each_[i].load(std::memory_order_relaxed);
    counts.sum_us = sum_us_.load(std::memory_order_relaxed);
    return counts;
  }

 private:
  std::array<std::atomic<std::uint64_t>, kBoundsUs.size() + 1> each_{};
  std::atomic<std::uint64_t> sum_us_{0};
};

}  // namespace hookspool
