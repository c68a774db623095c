// The tables by which a configuration says where a secret is, instead of holding it: { file = "..." }, { credential = "..." }
// or { env = "..." }. Not thread-safe: one reading, one thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/config/config_reader.h"

namespace hookspool::agent {

// The secret that `node` names; else nothing, with a fault at its place. `reader` and `key`: where it stands; `place`: what the
// faults call it.
std::optional<std::string> read_secret(const toml::node& node, std::string_view key, const std::string& place,
                                       TableReader& reader, FaultList& faults);

}  // namespace hookspool::agent
