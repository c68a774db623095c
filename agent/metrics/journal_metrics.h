// The journal: what waits in it, what it takes, its commits and its faults. Thread-safe.
#pragma once

#include "agent/metrics/metric_page.h"
#include "agent/upkeep/health.h"

namespace hookspool::agent {

void add_journal_metrics(const HealthSources& sources, MetricPage& page);

}  // namespace hookspool::agent
