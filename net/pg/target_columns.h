// The columns of a table of the user's own as the catalogue has them, and what that means for the values that are sent
// to them. PostgreSQL converts each value with the input function of the column's type and its modifier, as an
// assignment does: what is too long is refused, never cut. Pure functions, thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "net/pg/connection.h"
#include "net/pg/mapping.h"

namespace hookspool::net {

// How a value is written for a column, by what its type is below all domains.
enum class ValueForm {
  kText,    // as characters: a string without its quotes, anything else as its JSON text
  kJson,    // json, jsonb: as the JSON that it is, a string with its quotes
  kNested,  // an array or a composite type: a JSON string as its text form, any other JSON by its structure
};

struct TargetColumn {
  std::string name;
  std::string type;  // in SQL, with its modifier: "character varying(5)[]"
  ValueForm form = ValueForm::kText;
  std::string read_as;  // the type a value is read as, where that is not `type`
  std::string
      converted{};  // SQL that makes the column's value of "{}" (a value of `read_as`); empty: assignment does
  std::size_t bytes_max = 0;  // of a text, where the type itself would cut it silently; 0: PostgreSQL checks
};

// Where the table is found: a condition on pg_class c.
std::string relation_where(const Connection& connection, const TableMapping& mapping);

// A query for the mapped columns that are there, and what reads its answer.
std::string target_columns_sql(const Connection& connection, const TableMapping& mapping);
std::vector<TargetColumn> target_columns(const PgRows& rows);

const TargetColumn* find_column(const std::vector<TargetColumn>& columns, const std::string& name);

}  // namespace hookspool::net
