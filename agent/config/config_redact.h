// Reads what of a source's webhooks is redacted. Internal to config.cpp. Pure.
#pragma once

#include "agent/config/config.h"
#include "agent/config/config_reader.h"

namespace hookspool::agent {

// redact, redact_journal. What would be decided by something redacted is a fault: it would be the same for every event, and shut
// out all but the first.
// REQUIRES: the rest of `source` has been read.
void read_redact(TableReader& reader, SourceConfig& source, FaultList& faults);

}  // namespace hookspool::agent
