// The page /metrics: what the agent's parts count, for Prometheus. METRICS.md lists every family.
//
// Labels have few values: of sources and lanes the first kNamesMax in the order of their names have values of their own, the
// others are added up under the name "other". Nothing that a client has written is a label but a source's name.
// Thread-safe: reads figures that their owners keep; may read one event a lane from the disk.
#pragma once

#include <cstddef>
#include <string>

#include "agent/metrics/oldest_pending.h"
#include "agent/upkeep/health.h"

namespace hookspool::agent {

class Metrics {
 public:
  static constexpr std::size_t kNamesMax = 200;

  // `sources` must outlive this.
  explicit Metrics(const HealthSources& sources) : sources_(sources), oldest_(sources.journal) {}

  // `mode`: that it reports.
  std::string text(Mode mode);

 private:
  const HealthSources& sources_;
  OldestPending oldest_;
};

// Where its page says so, with the charset.
inline constexpr const char* kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace hookspool::agent
