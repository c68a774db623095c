// The statement that puts rows into a table of the user's own. Pure functions, thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/pg/tables/mapping.h"
#include "net/pg/tables/target_columns.h"

namespace hookspool::net {

// INSERT of rows that come as one JSON array, which is the statement's only parameter: objects with "n" (their order) and
// a member for each mapped column, "1", "2", ... So nothing is made in the catalogue for them, and PostgreSQL's own
// conversion counts. `only_missing`: of those whose id (and, with for_each, element) is not there (REQUIRES mapping.identified()).
std::string insert_sql(const TableMapping& mapping, const std::vector<TargetColumn>& columns,
                       bool only_missing);

// Only the conversion of one mapped column, of the same array: for finding the column that is refused.
std::string conversion_sql(const TableMapping& mapping, const std::vector<TargetColumn>& columns,
                           std::string_view column);

// insert_sql() without a row, for the planner: it names what has no conversion.
std::string planned_insert_sql(const TableMapping& mapping, const std::vector<TargetColumn>& columns);

// Is the column among conflict_keys?
bool is_key(const TableMapping& mapping, std::string_view column);

}  // namespace hookspool::net
