// What is in the database, explained in the database: COMMENT ON every table, column, function and view of the schema.
// Idempotent. Thread-safe: no state.
#pragma once

#include <string>

namespace hookspool::net {

// REQUIRES: all of it is there.
std::string schema_comments_sql(const std::string& schema);

}  // namespace hookspool::net
