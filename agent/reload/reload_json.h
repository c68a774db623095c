// The outcome of a reload as JSON text, the same for /health and for the command that asked. Pure; thread-safe.
#pragma once

#include <string>

#include "agent/reload/reloader.h"

namespace hookspool::agent {

// {"result":"ok","at":...,"changed":[...],"needs_restart":[...]} or {"result":"refused","at":...,"reasons":[...]}
std::string reload_json(const ReloadOutcome& outcome);

}  // namespace hookspool::agent
