#include "net/pg/tables/target_rights.h"

#include <algorithm>

#include "net/pg/link/text.h"
#include "net/pg/tables/schema.h"
#include "net/pg/tables/target_columns.h"
#include "net/pg/tables/target_insert.h"

namespace hookspool::net {
namespace {

// Tells what the role may not do, and the GRANT for it.
class Lacking {
 public:
  Lacking(const TargetTable& table, TargetReport& report)
      : report_(report),
        who_("role " + table.role + " may not "),
        to_(" TO " + quote_identifier(table.role) + ";") {}

  void tell(std::vector<std::string>& list, const std::string& what, const std::string& grant) {
    const std::string sql = "GRANT " + grant + to_;
    list.push_back(who_ + what + "; an administrator must run: " + sql);
    report_.grants.push_back(sql);
  }

 private:
  TargetReport& report_;
  const std::string who_, to_;
};

std::string unmapped(const Connection& connection, const TableMapping& mapping) {
  std::string names;
  for (const MappedColumn& column : mapping.columns) {
    names += (names.empty() ? "" : ", ") + connection.quote_literal(column.name);
  }
  return "a.attname NOT IN (" + names + ")";
}

// The relations whose checks, indexes and (behind a view) defaults come with a row: the table, its partitions, and what an
// updatable view takes its columns from.
std::string relations(const TargetTable& table) {
  return "(WITH RECURSIVE behind AS (SELECT " + table.oid +
         "::pg_catalog.oid AS oid UNION SELECT p.refobjid FROM behind b JOIN pg_catalog.pg_class v ON v.oid "
         "= b.oid"
         " AND v.relkind = 'v' AND NOT v.relhastriggers JOIN pg_catalog.pg_rewrite r ON r.ev_class = v.oid "
         "AND"
         " r.ev_type = '1' JOIN pg_catalog.pg_depend p ON p.classid = "
         "'pg_catalog.pg_rewrite'::pg_catalog.regclass"
         " AND p.objid = r.oid AND p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND p.refobjid "
         "<> v.oid"
         " JOIN pg_catalog.pg_class t ON t.oid = p.refobjid AND t.relkind IN ('r', 'p', 'v', 'f'))"
         " SELECT oid FROM behind UNION SELECT t.relid FROM behind,"
         " LATERAL pg_catalog.pg_partition_tree(behind.oid) AS t)";
}

PgResult<PgRows> ask(Connection& connection, const PgOptions& options, const std::string& sql) {
  auto rows = connection.query(sql, statement_deadline(options), "looking at the table's rights");
  if (!rows) return fail(not_the_event(std::move(rows).error()));
  return rows;
}

// An identity column asks for no right on its sequence, a serial's default does.
PgResult<void> sequences(Connection& connection, const PgOptions& options, const TableMapping& mapping,
                         const TargetTable& table, TargetReport& report) {
  auto rows =
      ask(connection, options,
          "SELECT DISTINCT a.attname, s.oid::pg_catalog.regclass, d.adrelid <> " + table.oid +
              " FROM pg_catalog.pg_attrdef d"
              " JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum"
              " JOIN pg_catalog.pg_depend p ON p.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass"
              " AND p.objid = d.oid AND p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass"
              " JOIN pg_catalog.pg_class s ON s.oid = p.refobjid AND s.relkind = 'S' WHERE d.adrelid = " +
              (table.kind == "v" ? "ANY (ARRAY" + relations(table) + ")" : table.oid) + " AND " +
              unmapped(connection, mapping) +
              " AND pg_catalog.pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%'"
              " AND CASE WHEN s.relkind = 'S' THEN NOT pg_catalog.has_sequence_privilege(s.oid, "
              "'USAGE, UPDATE') END ORDER BY 1");
  if (!rows) return fail(std::move(rows).error());
  for (const auto& row : rows->rows) {
    const std::string sequence = row.at(1).value_or("");
    Lacking(table, report)
        .tell(row.at(2) == "t" ? report.faults : report.refused,  // a view may name the column otherwise
              "use sequence " + sequence + ", from which column " + row.at(0).value_or("") +
                  " takes its default",
              "USAGE ON SEQUENCE " + sequence);
  }
  return {};
}

// ON CONFLICT takes each unique index with these keys for its arbiter, or all where no keys are given, and none of them
// may be deferrable. The planner does not look.
PgResult<void> deferrable(Connection& connection, const PgOptions& options, const TableMapping& mapping,
                          const TargetTable& table, TargetReport& report) {
  if (mapping.on_conflict == OnConflict::kError) return {};
  std::string keys;
  for (const std::string& key : mapping.conflict_keys) {
    keys += (keys.empty() ? "" : ", ") + connection.quote_literal(key);
  }
  const std::string of_keys =
      keys.empty() ? ""
                   : " AND i.indisunique AND i.indexprs IS NULL AND (SELECT pg_catalog.array_agg(DISTINCT"
                     " a.attname::text) FROM pg_catalog.pg_attribute a WHERE a.attrelid = i.indrelid AND "
                     "a.attnum = ANY"
                     " ((i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1])) = (SELECT "
                     "pg_catalog.array_agg(DISTINCT k)"
                     " FROM pg_catalog.unnest(ARRAY[" +
                         keys + "]::text[]) AS k)";
  auto rows = ask(connection, options,
                  "SELECT i.indexrelid::pg_catalog.regclass FROM pg_catalog.pg_index i WHERE i.indrelid = " +
                      table.oid + " AND NOT i.indimmediate AND i.indisready" + of_keys + " ORDER BY 1");
  if (!rows) return fail(std::move(rows).error());
  for (const auto& row : rows->rows) {
    report.refused.push_back("the constraint of index " + row.at(0).value_or("") +
                             " is DEFERRABLE, which on_conflict cannot use; make it NOT DEFERRABLE" +
                             (keys.empty() ? ", or name the conflict_keys that decide" : ""));
  }
  return {};
}

// What runs for a row with the rights of the role: defaults, generated columns, checks and indexes of expressions.
PgResult<void> functions(Connection& connection, const PgOptions& options, const TableMapping& mapping,
                         const TargetTable& table, TargetReport& report) {
  auto rows = ask(
      connection, options,
      "SELECT DISTINCT f.oid::pg_catalog.regprocedure::text, f.prokind = 'p' FROM (SELECT"
      " 'pg_catalog.pg_attrdef'::pg_catalog.regclass AS class, d.oid FROM pg_catalog.pg_attrdef d"
      " JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum WHERE d.adrelid IN " +
          (table.kind == "v" ? relations(table) : "(" + table.oid + ")") + " AND " +
          unmapped(connection, mapping) +
          " UNION ALL SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, c.oid FROM "
          "pg_catalog.pg_constraint c"
          " WHERE c.contype = 'c' AND (c.conrelid IN " +
          relations(table) +
          " OR c.contypid IN (SELECT atttypid FROM pg_catalog.pg_attribute WHERE attrelid = " + table.oid +
          " AND attnum > 0 AND NOT attisdropped AND atttypid <> 0))"
          " UNION ALL SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, i.indexrelid FROM "
          "pg_catalog.pg_index i"
          " WHERE i.indrelid IN " +
          relations(table) +
          ") AS used JOIN pg_catalog.pg_depend p ON p.classid = used.class AND p.objid = used.oid"
          " AND p.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass JOIN pg_catalog.pg_proc f ON f.oid "
          "= p.refobjid"
          " WHERE NOT pg_catalog.has_function_privilege(f.oid, 'EXECUTE') ORDER BY 1");
  if (!rows) return fail(std::move(rows).error());
  for (const auto& row : rows->rows) {
    const std::string function = row.at(0).value_or("");
    Lacking(table, report)
        .tell(report.faults, "run function " + function + ", which the table calls for a row",
              "EXECUTE ON FUNCTION " + function);
  }
  return {};
}

// Policies that hold for the role and for commands of these kinds ('a': INSERT, 'r': SELECT, '*': all).
std::string policies(const std::string& table_oid, const std::string& commands) {
  return "SELECT FROM pg_catalog.pg_policy WHERE polrelid = " + table_oid + " AND polcmd IN (" + commands +
         ", '*') AND (0 = ANY (polroles) OR EXISTS (SELECT FROM pg_catalog.unnest(polroles) AS member(oid) "
         "WHERE"
         " pg_catalog.pg_has_role(member.oid, 'USAGE')))";
}

PgResult<void> row_security(Connection& connection, const PgOptions& options, const TableMapping& mapping,
                            const TargetTable& table, TargetReport& report) {
  if (!table.row_security) return {};
  auto rows =
      ask(connection, options, "SELECT EXISTS (" + policies(table.oid, "'a'") + " AND polpermissive)");
  if (!rows) return fail(std::move(rows).error());
  const std::string role = quote_identifier(table.role);
  if (rows->rows.at(0).at(0) != "t") {
    report.refused.push_back("row-level security lets role " + table.role +
                             " insert nothing; an administrator must CREATE POLICY ... FOR INSERT TO " +
                             role + " WITH CHECK (...);");
    return {};
  }
  report.warnings.push_back("row-level security holds for role " + table.role +
                            ": what its policies refuse becomes a dead letter");
  if (mapping.id_column() == nullptr) return {};
  auto hides = may_hide_rows(connection, options, mapping);
  if (!hides) return fail(std::move(hides).error());
  if (*hides) {
    report.faults.push_back(
        "row-level security may hide rows from role " + table.role +
        ", so they cannot be compared with the journal; an administrator must CREATE POLICY ... FOR "
        "SELECT TO " +
        role + " USING (true);");
  }
  return {};
}

}  // namespace

PgResult<bool> may_hide_rows(Connection& connection, const PgOptions& options, const TableMapping& mapping) {
  auto rows =
      ask(connection, options,
          "SELECT pg_catalog.row_security_active(c.oid) AND (NOT EXISTS (" + policies("c.oid", "'r'") +
              " AND polpermissive AND pg_catalog.pg_get_expr(polqual, polrelid) = 'true') OR EXISTS (" +
              policies("c.oid", "'r'") + " AND NOT polpermissive)) FROM pg_catalog.pg_class c WHERE " +
              relation_where(connection, mapping));
  if (!rows) return fail(std::move(rows).error());
  return !rows->rows.empty() && rows->rows.front().at(0) == "t";
}

const TargetTable::Column* TargetTable::column(const std::string& name) const {
  const auto at =
      std::find_if(columns.begin(), columns.end(), [&](const Column& c) { return c.name == name; });
  return at == columns.end() ? nullptr : &*at;
}

void add_missing_table_rights(const TableMapping& mapping, const TargetTable& table, TargetReport& report) {
  Lacking lacking(table, report);
  const bool updates = mapping.on_conflict == OnConflict::kUpdate;
  bool insert = true, update = true, select = true;
  for (const MappedColumn& mapped : mapping.columns) {
    const auto* column = table.column(mapped.name);
    if (column == nullptr) continue;
    const bool key = is_key(mapping, mapped.name);
    insert = insert && column->insert;
    update = update && (key || column->update);
    select = select && ((!key && !updates) || column->select);
  }
  if (!table.usage) {
    lacking.tell(report.refused, "use schema " + mapping.schema,
                 "USAGE ON SCHEMA " + quote_identifier(mapping.schema));
  }
  const std::string on_table = " ON " + mapping.quoted_name();
  if (!insert) lacking.tell(report.refused, "insert", "INSERT" + on_table);
  if (updates && !update) {
    lacking.tell(report.refused, "update, which on_conflict = \"update\" needs", "UPDATE" + on_table);
  }
  if (!select) {
    lacking.tell(report.refused, "read what on_conflict compares and updates", "SELECT" + on_table);
  }
}

PgResult<void> add_other_refusals(Connection& connection, const PgOptions& options,
                                  const TableMapping& mapping, const TargetTable& table,
                                  TargetReport& report) {
  if (auto asked = sequences(connection, options, mapping, table, report); !asked) return asked;
  if (auto asked = deferrable(connection, options, mapping, table, report); !asked) return asked;
  if (auto asked = functions(connection, options, mapping, table, report); !asked) return asked;
  if (auto asked = row_security(connection, options, mapping, table, report); !asked) return asked;
  const MappedColumn* id = mapping.id_column();
  const auto* column = id == nullptr ? nullptr : table.column(id->name);
  const std::string grant = "SELECT ON " + mapping.quoted_name();
  if (column != nullptr && !column->select &&
      std::none_of(report.grants.begin(), report.grants.end(),
                   [&](const std::string& given) { return given.find(grant) != std::string::npos; })) {
    Lacking(table, report)
        .tell(report.faults,
              "read column " + id->name +
                  ", by which verify, replay and repair compare its rows with the journal",
              grant);
  }
  if (table.replica) {
    report.warnings.push_back("session_replication_role of role " + table.role +
                              " is not origin: its rows run no triggers and check no foreign keys");
  }
  return {};
}

}  // namespace hookspool::net
