// What this machine is called. Thread-safe.
#pragma once

#include <string>

namespace hookspool::agent {

std::string host_name();  // "localhost" where the system does not say

}  // namespace hookspool::agent
