// [sources.NAME] table, columns, on_conflict and conflict_keys: a table of the user's own. Internal to config.cpp. Pure.
#pragma once

#include <optional>
#include <string>

#include "agent/config/config_reader.h"
#include "net/pg/tables/mapping.h"

namespace hookspool::agent {

// Nothing where the source fills the events table of `schema`; then, too, where there are faults.
std::optional<net::TableMapping> read_table(TableReader& source, const std::string& name,
                                            const std::string& schema, FaultList& faults);

}  // namespace hookspool::agent
