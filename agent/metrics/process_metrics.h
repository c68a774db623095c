// What every exporter says of its process: memory, processor time, descriptors, start.
// Source: proc(5). Thread-safe.
#pragma once

#include <cstdint>

#include "agent/metrics/metric_page.h"

namespace hookspool::agent {

// What /proc does not give is left out.
void add_process_metrics(std::int64_t started_at_us, MetricPage& page);

}  // namespace hookspool::agent
