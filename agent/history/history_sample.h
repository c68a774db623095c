// What the history keeps of a stretch of time, and the reading of the agent's figures of which two make one. Plain values
// and pure functions; thread-safe.
#pragma once

#include <chrono>
#include <cstdint>

#include "storage/base/histogram.h"

namespace hookspool::agent {

// The agent's figures at one moment. Counters only grow.
struct HistoryReading {
  std::uint64_t accepted = 0, delivered = 0, refused = 0;  // events; events; requests
  std::uint64_t waiting = 0;          // events in the journal, not known to be in PostgreSQL
  std::chrono::milliseconds down{0};  // for how long PostgreSQL has been away, in all
  Histogram::Counts durable{};        // accept to durable
  Histogram::Counts committed{};      // accept to PostgreSQL's answer to COMMIT
};

// In the form in which it is written to disk (history_file.h).
struct HistorySample {
  std::uint32_t end_s = 0;                         // wall clock, seconds since 1970
  std::uint32_t length_ms = 0;                     // by the steady clock
  float accepted = 0, delivered = 0, refused = 0;  // per second
  float waiting = 0;                               // at the end
  float down = 0;                                  // share of the time in which PostgreSQL was away: 0 to 1
  // Milliseconds; -1: there was nothing to measure.
  float durable_p50 = -1, durable_p99 = -1, committed_p50 = -1, committed_p99 = -1;
};

// Below which `share` of what came between two readings lies, in ms, by linear interpolation within the histogram's
// buckets; -1: nothing came.
double quantile_between(const Histogram::Counts& before, const Histogram::Counts& after, double share);

// REQUIRES: `length` is positive. A counter that has shrunk counts as unchanged.
HistorySample sample_between(const HistoryReading& before, const HistoryReading& after,
                             std::chrono::milliseconds length, std::int64_t end_us);

}  // namespace hookspool::agent
