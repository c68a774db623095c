// What the alerts are decided by, gathered from the agent's parts. Thread-safe: reads figures that their owners keep.
#pragma once

#include "agent/alerts/alert_facts.h"
#include "agent/upkeep/health.h"

namespace hookspool::agent {

AlertFacts alert_facts(const HealthSources& sources);

}  // namespace hookspool::agent
