// Does a table of the user's own fit its mapping? Asked of the catalogue, so that what does not fit is named before
// the first event, and all of it at once. Thread-safe: no state; the connection belongs to the caller.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "net/pg/connection.h"
#include "net/pg/mapping.h"

namespace hookspool::net {

// Everything that does not fit, one line each; none: events can be delivered. An error means that the question could
// not be asked.
PgResult<std::vector<std::string>> target_faults(Connection& connection, const PgOptions& options,
                                                 const TableMapping& mapping);

// The same for the table of `lane` as one error (kSetup); nothing to check for a lane of the events table.
PgResult<void> check_target(Connection& connection, const PgOptions& options, std::string_view lane);

// A column's type as it is named in SQL, without a length: a value that is too long is refused, not cut.
using ColumnTypes = std::map<std::string, std::string, std::less<>>;
std::string column_types_sql(Connection& connection, const TableMapping& mapping);  // rows: name, type
ColumnTypes column_types(const PgRows& rows);

// INSERT of the staged columns n, id, c1, c2, ... of `source` with PostgreSQL's own conversion. `only_missing`: of
// those whose id is not there (REQUIRES mapping.id_column()).
std::string insert_sql(const TableMapping& mapping, const ColumnTypes& types, const std::string& source,
                       bool only_missing);
// How column `index` (from 0) is staged: "text", "bytea", "uuid", ...
std::string_view staged_type(const ColumnSource& source);

}  // namespace hookspool::net
