// The history as JSON for page.js, at /history.json. Internal to the dashboard: its form may change with any version.
// Pure function, thread-safe.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "agent/history/history_sample.h"

namespace hookspool::agent {

// {"step":2,"t":[...],"accepted":[...],...}: columns of the same length; null where there was nothing to measure.
std::string series_json(std::chrono::milliseconds step, const std::vector<HistorySample>& samples);

}  // namespace hookspool::agent
