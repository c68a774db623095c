// What a role lacks to put rows into a table of the user's own. Thread-safe: no state.
#pragma once

#include <string>
#include <vector>

#include "net/pg/link/connection.h"
#include "net/pg/tables/mapping.h"
#include "net/pg/tables/target_check.h"

namespace hookspool::net {

struct TargetTable {
  std::string oid, kind, role;  // kind: pg_class.relkind
  bool usage = false;           // of its schema
  bool may_be_filled = false;   // may a trigger, a rule or another server fill a column that is NOT NULL?
  bool row_security = false;    // does it hold for the role?
  bool replica = false;         // does the session run no triggers?
  struct Column {
    std::string name;
    bool not_null = false;                                // and nothing fills it by itself
    bool not_null_domain = false;                         // the same of its type, before any trigger
    bool generated = false;                               // by PostgreSQL alone
    bool insert = false, update = false, select = false;  // may the role
  };
  std::vector<Column> columns;
  const Column* column(const std::string& name) const;
};

// Of the table itself: adds to report.refused, with the GRANT for each.
void add_missing_table_rights(const TableMapping& mapping, const TargetTable& table, TargetReport& report);

// May row-level security hide rows of it from the role? Then comparing would take them for missing.
PgResult<bool> may_hide_rows(Connection& connection, const PgOptions& options, const TableMapping& mapping);

// Of what the table needs besides: sequences and functions, row-level security, reading for comparisons.
PgResult<void> add_other_refusals(Connection& connection, const PgOptions& options,
                                  const TableMapping& mapping, const TargetTable& table,
                                  TargetReport& report);

}  // namespace hookspool::net
