// Paths of PostgreSQL's server programs. Debian keeps one folder a major version and leaves them off the PATH.
// Thread-safe. Throws std::runtime_error where no PostgreSQL is installed.
#pragma once

#include <string>

namespace hookspool::testing {

// The path of `name` ("initdb", "pg_dump", ...) of the newest PostgreSQL that is installed.
std::string pg_program(const std::string& name);

}  // namespace hookspool::testing
