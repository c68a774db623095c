// What the running parts read of the configuration that is in force, each the piece that is its own. A reload replaces
// the pieces; what it may not replace, the parts have taken for themselves at the start. Thread-safe.
#pragma once

#include "agent/base/current.h"
#include "agent/config/config.h"
#include "agent/intake/source_set.h"

namespace hookspool::agent {

struct LiveSettings {
  explicit LiveSettings(const Config& config)
      : sources(std::make_shared<const SourceSet>(config.sources)),
        journal(config.journal),
        quarantine(config.quarantine),
        postgres(config.postgres),
        alerts(config.alerts) {}

  Current<SourceSet> sources;
  Current<JournalConfig> journal;
  Current<QuarantineConfig> quarantine;
  Current<PostgresConfig> postgres;
  Current<AlertsConfig> alerts;
};

}  // namespace hookspool::agent
