#include "agent/history/lane_rates.h"

#include <algorithm>
#include <cmath>

namespace hookspool::agent {

void LaneRates::add(TimePoint now, const std::map<std::string, Reading>& lanes) {
  const MutexLock lock(mutex_);
  std::erase_if(rates_, [&](const auto& entry) { return !lanes.contains(entry.first); });
  for (const auto& [name, reading] : lanes) {
    const auto [entry, is_new] = rates_.try_emplace(name, Rate{now, reading});
    Rate& rate = entry->second;
    const double took = Seconds(now - rate.at).count();
    if (is_new || took <= 0) continue;
    // A new epoch begins at 1.
    const std::uint64_t before = rate.reading.epoch == reading.epoch ? rate.reading.last_seq : 0;
    const auto came = static_cast<double>(reading.last_seq - std::min(before, reading.last_seq));
    const double fade = std::exp(-took / kWindow.count());
    rate.events = fade * rate.events + (1 - fade) * came / took;
    rate.weight = fade * rate.weight + (1 - fade);
    rate.at = now;
    rate.reading = reading;
  }
}

double LaneRates::per_second(const std::string& lane) const {
  const MutexLock lock(mutex_);
  const auto found = rates_.find(lane);
  return found == rates_.end() || found->second.weight == 0 ? 0 : found->second.events / found->second.weight;
}

}  // namespace hookspool::agent
