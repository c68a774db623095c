// What the agent knows of itself, live: gathered from its parts when asked, and written as JSON for /health.
// Thread-safe: reads figures that their owners keep.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/delivery/lanes.h"
#include "agent/delivery/uplink.h"
#include "agent/intake/admission.h"
#include "agent/intake/deduplicator.h"
#include "agent/reload/reloader.h"
#include "agent/repair/dead_letters.h"
#include "agent/upkeep/fill_forecast.h"
#include "agent/upkeep/mode.h"
#include "net/http/server.h"
#include "net/pg/link/pool.h"
#include "storage/journal/journal.h"

namespace hookspool::agent {

// The parts that are asked; all but the first two are absent where no PostgreSQL is configured.
struct HealthSources {
  storage::Journal* journal = nullptr;
  Admission* admission = nullptr;
  net::HttpServer* intake = nullptr;
  net::Pool* pool = nullptr;
  Uplink* uplink = nullptr;
  Lanes* lanes = nullptr;
  DeadLetters* dead_letters = nullptr;
  Deduplicator* deduplicator = nullptr;  // nullptr: repeats are events
  const FillForecast* forecast = nullptr;
  Quarantine* quarantine = nullptr;
  const Reloader* reloader = nullptr;
  std::int64_t started_at_us = 0;  // wall clock
};

Mode current_mode(const HealthSources& sources);

// One JSON object (OPERATIONS.md, "Health and status"), status first. `mode` is the mode it reports.
std::string health_json(const HealthSources& sources, Mode mode);

// One line for systemd's STATUS= and the log.
std::string health_line(const HealthSources& sources, Mode mode);

}  // namespace hookspool::agent
