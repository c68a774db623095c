// [sources.NAME] verify, secrets, signature, public_url, timestamp_tolerance, verify_token and on_bad_signature: how the
// source's sender proves itself. [quarantine]: for what does not. Internal to config.cpp.
// Thread-safe: no state, but secrets are read from where they lie.
#pragma once

#include "agent/config/config.h"
#include "agent/config/config_reader.h"

namespace hookspool::agent {

inline constexpr std::size_t kSecretsMax = 16;  // of one source

void read_quarantine(TableReader section, QuarantineConfig& quarantine);
void read_verification(TableReader& reader, SourceConfig& source, FaultList& faults);

}  // namespace hookspool::agent
