// A checked configuration goes into force in the running agent: all of it, or nothing. Not thread-safe: called by one
// thread at a time (Reloader sees to that), while every part goes on with its work.
#pragma once

#include <cstdint>
#include <string>

#include "agent/delivery/lanes.h"
#include "agent/intake/quarantine.h"
#include "agent/reload/live_settings.h"
#include "net/http/server.h"
#include "storage/journal/journal.h"

namespace hookspool::agent {

struct RunningParts {
  LiveSettings& settings;
  storage::Journal& journal;
  Quarantine& quarantine;
  Lanes* lanes;  // nullptr: no PostgreSQL
  net::HttpServer& intake;
};

// What the intake's listener is started with; its limits are what set_limits() takes.
net::HttpOptions intake_options(const IntakeConfig& intake);

// To the log: how long it is still good for.
void log_certificate_expiry(const net::TlsFiles& files, std::int64_t not_after_s);

// `next`: settled (config_changes.h), so that what takes a restart is as in `now`. The mappings of removed sources whose
// events still wait are kept in it. The error says why nothing has changed.
Result<void, std::string> put_in_force(const Config& now, Config& next, const RunningParts& parts);

}  // namespace hookspool::agent
