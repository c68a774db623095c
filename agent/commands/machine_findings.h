// What `hookspool doctor` sees of the machine: the journal's disk (speed, kind, room), the clock, limits, versions, and the
// certificate of the intake. Changes nothing. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "agent/commands/findings.h"
#include "agent/config/config.h"

namespace hookspool::agent {

void look_at_machine(const Config& config, Findings& findings);

// "valid for 60 more days", a warning within alerts.certificate_within, a fault when it has ended. `before`: what is said first.
void look_at_certificate(const std::string& what, const std::string& before, std::int64_t not_after_s,
                         const std::string& hint, const Config& config, Findings& findings);

}  // namespace hookspool::agent
