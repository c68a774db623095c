// Each lane: what waits, since when, and whether it is held. Thread-safe; may read one event a lane from the disk.
#pragma once

#include <cstddef>

#include "agent/metrics/metric_page.h"
#include "agent/metrics/oldest_pending.h"
#include "agent/upkeep/health.h"

namespace hookspool::agent {

// Of lanes beyond `names_max` only the sum, or the oldest, is shown.
void add_lane_metrics(const HealthSources& sources, OldestPending& oldest, std::size_t names_max,
                      MetricPage& page);

}  // namespace hookspool::agent
