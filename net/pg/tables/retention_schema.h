// The SQL by which rows leave hookspool.events (fixed interface: POSTGRES.md, "Keeping the events table small"): prune() deletes
// old rows of one source in small pieces; partition_events(), make_partitions() and drop_week() are an administrator's, for
// tables from which whole weeks are to go. Idempotent. Thread-safe: no state.
#pragma once

#include <string>

#include "net/pg/link/connection.h"

namespace hookspool::net {

// REQUIRES: the tables, and the functions of feeds_schema.h.
std::string retention_functions_sql(const std::string& schema);
// Which of `ids`, an SQL array, retention may have deleted: SELECT id ...
std::string pruned_ids_sql(const Connection& connection, const std::string& schema,
                           const std::string& agent_id, const std::string& source, const std::string& ids);
// What lets a role call prune(), which nothing but [postgres] keep_rows needs: with it goes the right to delete old rows.
std::string prune_grant_sql(const std::string& schema, const std::string& role);

}  // namespace hookspool::net
