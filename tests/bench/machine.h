// The machine, as far as it explains figures. Nothing that tells one of its kind from another.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace hookspool::bench {

std::string utc_now();  // "2026-11-23 18:40 UTC"

// Name and value. What cannot be found out is left out.
std::vector<std::pair<std::string, std::string>> describe_machine();

}  // namespace hookspool::bench
