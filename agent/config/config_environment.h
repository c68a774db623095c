// What the environment says of PostgreSQL, and the file in which the packaged unit finds it. Not thread-safe: reads, and
// take_environment_file() changes, the process's environment.
#pragma once

#include <string>

#include "agent/config/config.h"
#include "storage/model/result.h"

namespace hookspool::agent {

// DATABASE_URL, where the configuration names no conninfo, and where a PostgreSQL is named at all (conninfo_from). Fails
// where DATABASE_URL is no conninfo.
ConfigResult with_environment(Config config);

// Sets the variables of a file in the form of systemd's EnvironmentFile= (systemd.exec(5)): for a command that looks at what
// a service will meet. An error says why the file cannot be read.
Result<void, std::string> take_environment_file(const std::string& file);

}  // namespace hookspool::agent
