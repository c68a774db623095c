// [sources.NAME] verify, secrets, signature, public_url, timestamp_tolerance and verify_token: how the source's sender
// proves itself. Internal to config.cpp.
#pragma once

#include "agent/config.h"
#include "agent/config_reader.h"

namespace hookspool::agent {

inline constexpr std::size_t kSecretsMax = 16;  // of one source

void read_verification(TableReader& reader, SourceConfig& source, FaultList& faults);

}  // namespace hookspool::agent
