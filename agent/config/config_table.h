// Reads what a source says of tables of its own. Internal to config.cpp. Pure.
#pragma once

#include <optional>
#include <string>

#include "agent/config/config_reader.h"
#include "net/pg/tables/mapping.h"

namespace hookspool::agent {

// One table by table, columns, ..., or several by [[sources.NAME.tables]]. Nothing: the source fills the events table,
// `schema`.events. Faults go to the list.
std::optional<net::LaneMapping> read_tables(TableReader& source, const std::string& name,
                                            const std::string& schema, FaultList& faults);

}  // namespace hookspool::agent
