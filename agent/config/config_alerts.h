// [alerts]: where transitions are reported, and from when on something is one. Not thread-safe: one reading, one thread.
#pragma once

#include "agent/config/config.h"
#include "agent/config/config_reader.h"

namespace hookspool::agent {

inline constexpr std::size_t kAlertCommandWordsMax = 64;  // program and arguments

void read_alerts(TableReader section, AlertsConfig& alerts, FaultList& faults);

}  // namespace hookspool::agent
