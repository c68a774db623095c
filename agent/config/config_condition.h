// Reads a condition (net/condition) out of a configuration. Internal to config.cpp. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "agent/config/config_reader.h"
#include "net/condition/condition.h"

namespace hookspool::agent {

// `levels`: of for_each, which say how far a place may go up; 0: only places from the root. Nothing where the key is absent or
// faulty.
std::optional<net::Condition> read_condition(TableReader& reader, std::string_view key, std::size_t levels);

}  // namespace hookspool::agent
