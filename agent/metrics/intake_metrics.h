// What comes in: requests, events by source, refusals, connections, the quarantine. Thread-safe.
#pragma once

#include <cstddef>

#include "agent/metrics/metric_page.h"
#include "agent/upkeep/health.h"

namespace hookspool::agent {

// Of sources beyond `names_max` only the sum is shown.
void add_intake_metrics(const HealthSources& sources, std::size_t names_max, MetricPage& page);

}  // namespace hookspool::agent
