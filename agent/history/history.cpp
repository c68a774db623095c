#include "agent/history/history.h"

#include <algorithm>
#include <cmath>

namespace hookspool::agent {
namespace {

using std::chrono::milliseconds;

constexpr std::uint32_t kDaySeconds = 86'400;

milliseconds between(History::TimePoint from, History::TimePoint to) {
  return std::chrono::duration_cast<milliseconds>(to - from);
}

bool is_plausible(const HistorySample& sample) {
  for (const float value : {sample.accepted, sample.delivered, sample.refused, sample.waiting, sample.down}) {
    if (!std::isfinite(value) || value < 0) return false;
  }
  for (const float value :
       {sample.durable_p50, sample.durable_p99, sample.committed_p50, sample.committed_p99}) {
    if (!std::isfinite(value)) return false;
  }
  return sample.length_ms > 0;
}

}  // namespace

void History::Series::push(const HistorySample& sample) {
  // The wall clock has been put back: what it shows twice is kept once.
  while (!samples.empty() && samples.back().end_s > sample.end_s) samples.pop_back();
  samples.push_back(sample);
  if (samples.size() > samples_max) samples.pop_front();
}

void History::Series::add(TimePoint now, std::int64_t wall_clock_us, const HistoryReading& reading,
                          milliseconds least) {
  if (began) {
    const milliseconds length = between(*began, now);
    if (length < least) return;
    push(sample_between(before, reading, length, wall_clock_us));
  }
  began = now;
  before = reading;
}

bool History::due(TimePoint now) const {
  const MutexLock lock(mutex_);
  return !fine_.began || between(*fine_.began, now) >= kFineStep;
}

void History::add(TimePoint now, std::int64_t wall_clock_us, const HistoryReading& reading) {
  const MutexLock lock(mutex_);
  for (Series* series : {&fine_, &coarse_}) series->add(now, wall_clock_us, reading, series->step);
}

void History::finish(TimePoint now, std::int64_t wall_clock_us, const HistoryReading& reading) {
  const MutexLock lock(mutex_);
  for (Series* series : {&fine_, &coarse_}) series->add(now, wall_clock_us, reading, kLeastStep);
}

void History::restore(std::int64_t wall_clock_us, const std::vector<HistorySample>& coarse) {
  const std::int64_t now_s = wall_clock_us / 1'000'000;
  const MutexLock lock(mutex_);
  const std::deque<HistorySample> own = std::move(coarse_.samples);
  const std::int64_t before_s =
      own.empty() ? now_s + 1 : std::int64_t{own.front().end_s} - own.front().length_ms / 1000 + 1;
  coarse_.samples.clear();
  for (const HistorySample& sample : coarse) {
    if (is_plausible(sample) && sample.end_s < before_s && sample.end_s + std::int64_t{kDaySeconds} > now_s)
      coarse_.push(sample);
  }
  for (const HistorySample& sample : own) coarse_.push(sample);
}

std::vector<HistorySample> History::fine() const {
  const MutexLock lock(mutex_);
  return {fine_.samples.begin(), fine_.samples.end()};
}

std::vector<HistorySample> History::coarse() const {
  const MutexLock lock(mutex_);
  return {coarse_.samples.begin(), coarse_.samples.end()};
}

// Before its first minute is over a process has nothing coarse of its own.
std::optional<History::Rates> History::rates(milliseconds over) const {
  const MutexLock lock(mutex_);
  const bool use_fine = over <= kFineMax * kFineStep || coarse_.samples.empty();
  const auto& samples = use_fine ? fine_.samples : coarse_.samples;
  Rates sum;
  double ms = 0;
  for (auto sample = samples.rbegin(); sample != samples.rend(); ++sample) {
    if (ms >= static_cast<double>(over.count())) break;
    sum.accepted += static_cast<double>(sample->accepted) * sample->length_ms;
    sum.delivered += static_cast<double>(sample->delivered) * sample->length_ms;
    sum.refused += static_cast<double>(sample->refused) * sample->length_ms;
    ms += sample->length_ms;
  }
  if (ms == 0) return std::nullopt;
  return Rates{sum.accepted / ms, sum.delivered / ms, sum.refused / ms};
}

}  // namespace hookspool::agent
