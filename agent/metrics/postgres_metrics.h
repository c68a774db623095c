// The way into PostgreSQL: the uplink, the pool, deliveries, dead letters and what was made good. Thread-safe.
#pragma once

#include "agent/metrics/metric_page.h"
#include "agent/upkeep/health.h"

namespace hookspool::agent {

void add_postgres_metrics(const HealthSources& sources, MetricPage& page);

}  // namespace hookspool::agent
