// The columns of a table of the user's own as the catalogue has them, and what that means for the values that are sent
// to them. PostgreSQL converts each value with the input function of the column's type and its modifier, as an
// assignment does: what is too long is refused, never cut. Pure functions, thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "net/pg/link/connection.h"
#include "net/pg/tables/mapping.h"

namespace hookspool::net {

// How a value is written for a column, by what its type is below all domains.
enum class ValueForm {
  kText,    // as characters: a string without its quotes, anything else as its JSON text
  kJson,    // json, jsonb: as the JSON that it is, a string with its quotes
  kObject,  // hstore: an object or a JSON string, as the JSON that it is
  kNested,  // an array or a composite type: a JSON string as its text form, any other JSON by its structure
};

// Of a composite type, at any depth: a member whose own type takes a text and leaves some of it out.
struct TargetMember {
  std::vector<std::string> path;  // its name, and before it those of the composite types around it
  std::string type;
  std::size_t bytes_max = 0;  // "name", "char": longer ones would be cut; 0: it leaves out a zone
};

struct TargetColumn {
  std::string name;
  std::string type;  // in SQL, with its modifier: "character varying(5)[]"
  ValueForm form = ValueForm::kText;
  std::string read_as;  // the type a value is read as, where that is not `type`
  std::string
      converted{};  // SQL that makes the column's value of "{}" (a value of `read_as`); empty: assignment does
  std::size_t bytes_max = 0;   // of a text, where the type itself would cut it silently; 0: PostgreSQL checks
  bool zone_left_out = false;  // a zone in the text of an element is not read, and no conversion repairs it
  bool has_members = false;    // a composite type, or an array of one: `members` takes a query of its own
  std::vector<TargetMember> members{};
};

// Where the table is found: a condition on pg_class c.
std::string relation_where(const Connection& connection, const TableMapping& mapping);

// A query for the mapped columns that are there, and what reads its answer.
std::string target_columns_sql(const Connection& connection, const TableMapping& mapping);
std::vector<TargetColumn> target_columns(const PgRows& rows);

// The same for the members of composite columns: needed only where one has_members.
std::string target_members_sql(const Connection& connection, const TableMapping& mapping);
void add_members(const PgRows& rows, std::vector<TargetColumn>& columns);

const TargetColumn* find_column(const std::vector<TargetColumn>& columns, const std::string& name);

}  // namespace hookspool::net
