// How often something took how long, since the start of the process: counts between fixed bounds, which only grow. Rates
// and quantiles are built from two readings (a classic histogram of Prometheus).
// Thread-safe; record() is two relaxed additions, and counts() may miss one that is made meanwhile.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <numeric>

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

    // The duration that a share of them (0.5, 0.99) does not exceed, as histogram_quantile() of Prometheus estimates it: even
    // within a bucket, and the last bound for what is above it. 0: there are none.
    double quantile_us(double share) const {
      const auto all = static_cast<double>(std::accumulate(each.begin(), each.end(), std::uint64_t{0}));
      double below = 0;
      for (std::size_t i = 0; i < kBoundsUs.size(); ++i) {
        const auto here = static_cast<double>(each[i]);
        if (here > 0 && below + here >= share * all) {
          const double from = i == 0 ? 0 : static_cast<double>(kBoundsUs[i - 1]);
          return from + (static_cast<double>(kBoundsUs[i]) - from) * (share * all - below) / here;
        }
        below += here;
      }
      return all > 0 ? static_cast<double>(kBoundsUs.back()) : 0;
    }
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
