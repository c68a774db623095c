#include "agent/upkeep/fill_forecast.h"

#include <algorithm>
#include <cmath>

#include "agent/base/units.h"

namespace hookspool::agent {

FillFacts fill_facts(std::span<const storage::SegmentInfo> segments, const storage::JournalStats& stats,
                     const JournalConfig& config) {
  FillFacts facts;
  for (const auto& segment : segments) {
    // Of the current segment only what waits: the rest goes with it as soon as room is short.
    if (segment.active) facts.kept += std::min(segment.bytes, stats.pending_bytes);
    if (!segment.active && !segment.delivered) facts.kept += segment.bytes;
  }
  const std::uint64_t sheddable = stats.bytes - std::min(stats.bytes, facts.kept);
  const std::uint64_t room = config.bytes_max - std::min(config.bytes_max, facts.kept);
  const std::uint64_t of_disk =
      stats.free_bytes < UINT64_MAX - sheddable ? stats.free_bytes + sheddable : room;
  facts.left = std::min(room, of_disk - std::min(of_disk, config.free_bytes_min));
  return facts;
}

void FillForecast::sample(Clock::time_point now, const FillFacts& facts) {
  if (first_ == Clock::time_point{}) {
    first_ = last_ = now;
    kept_ = facts.kept;
    const MutexLock lock(mutex_);
    forecast_.left = facts.left;
    return;
  }
  const double took = Seconds(now - last_).count();
  if (took <= 0) return;
  const double fade = std::exp(-took / kWindow.count());
  const double change = static_cast<double>(facts.kept) - static_cast<double>(kept_);
  growth_ = fade * growth_ + (1 - fade) * change / took;
  weight_ = fade * weight_ + (1 - fade);
  last_ = now;
  kept_ = facts.kept;

  Forecast forecast{.bytes_per_second = growth_ / weight_, .left = facts.left};
  const double seconds = forecast.bytes_per_second >= 1
                             ? static_cast<double>(facts.left) / forecast.bytes_per_second
                             : kFarthest.count();
  if (seconds < kFarthest.count()) forecast.until_full = Seconds(seconds);
  const MutexLock lock(mutex_);
  forecast_ = forecast;
}

FillForecast::Forecast FillForecast::forecast() const {
  const MutexLock lock(mutex_);
  return forecast_;
}

std::optional<std::string> FillForecast::news() {
  const Forecast now = forecast();
  const auto below = [&](Seconds limit) { return now.until_full && *now.until_full < limit; };
  const auto left = now.until_full.value_or(kFarthest);
  if (left > 2 * kWarnBelow) {
    told_ = 0;
  } else if (left > 2 * kWarnAgainBelow) {
    told_ = std::min(told_, 1u);
  }
  const unsigned due = below(kWarnAgainBelow) ? 2 : below(kWarnBelow) ? 1 : 0;
  if (due <= told_ || last_ - first_ < kWatchedBeforeWarning) return std::nullopt;
  told_ = due;
  return "the journal will be full in " + format_duration(std::chrono::duration_cast<milliseconds>(left)) +
         " if it goes on growing by " + format_bytes(static_cast<std::uint64_t>(now.bytes_per_second)) +
         " a second: then senders are refused; it needs deliveries to PostgreSQL, or more room";
}

}  // namespace hookspool::agent
