// Why a file of the configuration cannot be read, and what to do. Thread-safe: no state.
#pragma once

#include <string>

#include "agent/config/config.h"

namespace hookspool::agent {

// `why` is the reason without the file's name. The kind says whether this user's rights are what is missing.
ConfigFaults cannot_read(const std::string& file, const std::string& why);

}  // namespace hookspool::agent
