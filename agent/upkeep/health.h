// What the agent knows of itself, live: gathered from its parts when asked, and written as JSON for /health.
// Thread-safe: reads figures that their owners keep.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/delivery/lanes.h"
#include "agent/delivery/row_retention.h"
#include "agent/delivery/uplink.h"
#include "agent/intake/admission.h"
#include "agent/intake/deduplicator.h"
#include "agent/reload/reloader.h"
#include "agent/repair/dead_letters.h"
#include "agent/upkeep/consumer_watch.h"
#include "agent/upkeep/fill_forecast.h"
#include "agent/upkeep/mode.h"
#include "net/http/server.h"
#include "net/pg/link/pool.h"
#include "storage/journal/journal.h"

namespace hookspool::agent {

// The parts that are asked.
struct HealthSources {
  // What there is of PostgreSQL.
  struct Postgres {
    net::Pool& pool;
    Uplink& uplink;
    Lanes& lanes;
    ConsumerWatch& consumers;
    const RowRetention& row_retention;
  };

  storage::Journal& journal;
  Admission& admission;
  net::HttpServer& intake;
  DeadLetters& dead_letters;
  Quarantine& quarantine;
  const Reloader& reloader;
  const FillForecast& forecast;
  std::optional<Postgres> postgres;  // nothing: none is configured
  Deduplicator* deduplicator;        // nullptr: repeats are events
  std::int64_t started_at_us;        // wall clock
};

// Of all lanes; with no PostgreSQL there are no lanes at work, but what waits in the journal is still of interest.
std::vector<LaneStatus> lane_statuses(const HealthSources& sources);

Mode current_mode(const HealthSources& sources);

// One JSON object (OPERATIONS.md, "Health and status"), status first. `mode` is the mode it reports.
std::string health_json(const HealthSources& sources, Mode mode);

// One line for systemd's STATUS= and the log.
std::string health_line(const HealthSources& sources, Mode mode);

}  // namespace hookspool::agent
