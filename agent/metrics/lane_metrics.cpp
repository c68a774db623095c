#include "agent/metrics/lane_metrics.h"

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

namespace hookspool::agent {
namespace {

struct OfLane {
  std::string name;
  std::uint64_t pending = 0, pending_bytes = 0, held = 0;
  std::optional<std::int64_t> oldest_us{};
};

void take_older(std::optional<std::int64_t>& oldest, std::optional<std::int64_t> other) {
  if (other && (!oldest || *other < *oldest)) oldest = other;
}

std::vector<OfLane> by_lane(const HealthSources& sources, OldestPending& oldest, std::size_t names_max) {
  std::map<std::string, std::uint64_t> bytes;
  for (const auto& usage : sources.journal.admin().lane_usages()) bytes[usage.lane] = usage.pending_bytes;
  std::vector<LaneStatus> lanes = lane_statuses(sources);
  std::sort(lanes.begin(), lanes.end(),
            [](const LaneStatus& a, const LaneStatus& b) { return a.name < b.name; });
  std::vector<OfLane> all;
  for (const LaneStatus& lane : lanes) {
    if (all.size() <= names_max) all.push_back({all.size() < names_max ? lane.name : "other"});
    OfLane& entry = all.back();
    entry.pending += lane.pending;
    entry.pending_bytes += bytes[lane.name];
    entry.held += lane.stuck() ? 1u : 0u;
    if (lane.pending > 0) take_older(entry.oldest_us, oldest.received_at_us(lane.name));
  }
  return all;
}

}  // namespace

void add_lane_metrics(const HealthSources& sources, OldestPending& oldest, std::size_t names_max,
                      MetricPage& page) {
  const auto lanes = by_lane(sources, oldest, names_max);
  page.gauge("lane_pending_events", "Events of the lane that are not known to be in PostgreSQL.");
  for (const OfLane& lane : lanes) page.value(lane.pending, {{"lane", lane.name}});
  page.gauge("lane_pending_bytes", "Bytes of them.");
  for (const OfLane& lane : lanes) page.value(lane.pending_bytes, {{"lane", lane.name}});
  page.gauge("lane_held", "1: the lane waits for an administrator (hookspool status says for what).");
  for (const OfLane& lane : lanes) page.value(lane.held, {{"lane", lane.name}});
  page.gauge("lane_oldest_pending_timestamp_seconds",
             "When the lane's oldest pending event was received; absent where none waits.");
  std::optional<std::int64_t> oldest_us;
  for (const OfLane& lane : lanes) {
    take_older(oldest_us, lane.oldest_us);
    if (lane.oldest_us) page.value(static_cast<double>(*lane.oldest_us) / 1e6, {{"lane", lane.name}});
  }
  page.gauge("oldest_pending_timestamp_seconds", "The oldest of all lanes; absent where none waits.");
  if (oldest_us) page.value(static_cast<double>(*oldest_us) / 1e6);
}

}  // namespace hookspool::agent
