// The version of the SQLite library in use. Thread-safe.
#pragma once

#include <string>

namespace hookspool::storage {

std::string sqlite_version();  // "3.40.1"

}  // namespace hookspool::storage
