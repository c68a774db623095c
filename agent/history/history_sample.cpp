#include "agent/history/history_sample.h"

#include <algorithm>
#include <array>

namespace hookspool::agent {
namespace {

std::uint64_t grown(std::uint64_t before, std::uint64_t after) {
  return after - std::min(before, after);
}

}  // namespace

double quantile_between(const Histogram::Counts& before, const Histogram::Counts& after, double share) {
  std::array<std::uint64_t, std::tuple_size_v<decltype(after.each)>> counts{};
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) total += counts[i] = grown(before.each[i], after.each[i]);
  if (total == 0) return -1;
  const double wanted = share * static_cast<double>(total);
  double below = 0, lower_us = 0;
  for (std::size_t i = 0; i < Histogram::kBoundsUs.size(); ++i) {
    const auto upper_us = static_cast<double>(Histogram::kBoundsUs[i]);
    const auto here = static_cast<double>(counts[i]);
    if (counts[i] > 0 && below + here >= wanted)
      return (lower_us + (upper_us - lower_us) * (wanted - below) / here) / 1000;
    below += here;
    lower_us = upper_us;
  }
  return lower_us / 1000;
}

HistorySample sample_between(const HistoryReading& before, const HistoryReading& after,
                             std::chrono::milliseconds length, std::int64_t end_us) {
  const double seconds = static_cast<double>(length.count()) / 1000;
  const auto rate = [&](std::uint64_t from, std::uint64_t to) {
    return static_cast<float>(static_cast<double>(grown(from, to)) / seconds);
  };
  const auto quantile = [&](Histogram::Counts HistoryReading::*which, double share) {
    return static_cast<float>(quantile_between(before.*which, after.*which, share));
  };
  HistorySample sample;
  sample.end_s = static_cast<std::uint32_t>(std::clamp<std::int64_t>(end_us / 1'000'000, 0, UINT32_MAX));
  sample.length_ms = static_cast<std::uint32_t>(std::clamp<std::int64_t>(length.count(), 1, UINT32_MAX));
  sample.accepted = rate(before.accepted, after.accepted);
  sample.delivered = rate(before.delivered, after.delivered);
  sample.refused = rate(before.refused, after.refused);
  sample.waiting = static_cast<float>(after.waiting);
  const auto down = std::max(after.down - before.down, std::chrono::milliseconds(0));
  sample.down = static_cast<float>(std::min(static_cast<double>(down.count()) / 1000 / seconds, 1.0));
  sample.durable_p50 = quantile(&HistoryReading::durable, 0.5);
  sample.durable_p99 = quantile(&HistoryReading::durable, 0.99);
  sample.committed_p50 = quantile(&HistoryReading::committed, 0.5);
  sample.committed_p99 = quantile(&HistoryReading::committed, 0.99);
  return sample;
}

}  // namespace hookspool::agent
