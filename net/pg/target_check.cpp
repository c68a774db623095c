#include "net/pg/target_check.h"

#include <algorithm>
#include <utility>

#include "net/pg/schema.h"

namespace hookspool::net {
namespace {

constexpr std::size_t kColumnsNamedMax = 30;

std::string joined(const std::vector<std::string>& words, std::string_view between) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : std::string(between)) + word;
  return all;
}

bool is_key(const TableMapping& mapping, const std::string& column) {
  return std::find(mapping.conflict_keys.begin(), mapping.conflict_keys.end(), column) !=
         mapping.conflict_keys.end();
}

// What a catalogue says of the table's columns.
struct Column {
  std::string name;
  bool required = false;                                // NOT NULL, and nothing fills it by itself
  bool generated = false;                               // by PostgreSQL alone
  bool insert = false, update = false, select = false;  // may the role
};

struct Table {
  bool found = false;
  std::string oid, kind, role;
  bool usage = false, temp = false;
  std::vector<Column> columns;
  const Column* column(const std::string& name) const {
    const auto at =
        std::find_if(columns.begin(), columns.end(), [&](const Column& c) { return c.name == name; });
    return at == columns.end() ? nullptr : &*at;
  }
};

bool yes(const std::optional<std::string>& value) {
  return value == "t";
}

std::string relation_where(Connection& connection, const TableMapping& mapping) {
  if (mapping.schema.empty()) {
    return "c.oid = pg_catalog.to_regclass(" + connection.quote_literal(mapping.quoted_name()) + ")";
  }
  return "c.relname = " + connection.quote_literal(mapping.table) +
         " AND c.relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = " +
         connection.quote_literal(mapping.schema) + ")";
}

PgResult<Table> read_table(Connection& connection, const PgOptions& options, const TableMapping& mapping) {
  constexpr std::string_view attempt = "looking at the table";
  auto rows = connection.query(
      "SELECT c.oid, c.relkind, current_user, has_schema_privilege(c.relnamespace, 'USAGE'),"
      " has_database_privilege(current_database(), 'TEMP') FROM pg_catalog.pg_class c WHERE " +
          relation_where(connection, mapping) + " AND c.relkind IN ('r', 'p', 'v', 'f')",
      statement_deadline(options), attempt);
  if (!rows) return fail(not_the_event(std::move(rows).error()));
  Table table;
  if (rows->rows.empty()) return table;
  const auto& row = rows->rows.front();
  table = {true, row[0].value_or(""), row[1].value_or(""), row[2].value_or(""), yes(row[3]), yes(row[4]), {}};
  auto columns = connection.query(
      "SELECT attname, attnotnull AND NOT atthasdef AND attidentity = '', attgenerated <> '' OR attidentity "
      "= 'a',"
      " has_column_privilege(attrelid, attnum, 'INSERT'), has_column_privilege(attrelid, attnum, 'UPDATE'),"
      " has_column_privilege(attrelid, attnum, 'SELECT') FROM pg_catalog.pg_attribute WHERE attrelid = " +
          table.oid + " AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
      statement_deadline(options), attempt);
  if (!columns) return fail(not_the_event(std::move(columns).error()));
  for (const auto& c : columns->rows) {
    table.columns.push_back({c[0].value_or(""), yes(c[1]), yes(c[2]), yes(c[3]), yes(c[4]), yes(c[5])});
  }
  return table;
}

// Only such an index can decide ON CONFLICT (keys).
PgResult<bool> has_unique_index(Connection& connection, const PgOptions& options, const TableMapping& mapping,
                                const Table& table) {
  std::vector<std::string> keys = mapping.conflict_keys;
  std::sort(keys.begin(), keys.end());
  std::transform(keys.begin(), keys.end(), keys.begin(),
                 [&](const std::string& key) { return connection.quote_literal(key); });
  auto rows =
      connection.query("SELECT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = " + table.oid +
                           " AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND "
                           "i.indexprs IS NULL"
                           " AND (SELECT array_agg(a.attname::text ORDER BY a.attname::text COLLATE \"C\") "
                           "FROM pg_catalog.pg_attribute a"
                           " WHERE a.attrelid = i.indrelid AND a.attnum = ANY "
                           "((i.indkey::int2[])[0:i.indnkeyatts - 1])) = ARRAY[" +
                           joined(keys, ", ") + "]::text[])",
                       statement_deadline(options), "looking for a unique index");
  if (!rows) return fail(not_the_event(std::move(rows).error()));
  return yes(rows->rows.at(0).at(0));
}

std::string grant(const std::string& right, const TableMapping& mapping, const Table& table) {
  return "GRANT " + right + " ON " + mapping.quoted_name() + " TO " + quote_identifier(table.role) + ";";
}

void check_columns(const TableMapping& mapping, const Table& table, std::vector<std::string>& faults) {
  std::vector<std::string> names;
  for (const Column& column : table.columns) names.push_back(column.name);
  if (names.size() > kColumnsNamedMax) {
    names.resize(kColumnsNamedMax);
    names.emplace_back("...");
  }
  for (const MappedColumn& mapped : mapping.columns) {
    const Column* column = table.column(mapped.name);
    if (column == nullptr) {
      faults.push_back("there is no column " + mapped.name + "; it has " + joined(names, ", "));
    } else if (column->generated) {
      faults.push_back("column " + mapped.name +
                       " is generated by PostgreSQL and takes no value; leave it out of the mapping");
    }
  }
  for (const Column& column : table.columns) {
    const bool is_mapped =
        std::any_of(mapping.columns.begin(), mapping.columns.end(),
                    [&](const MappedColumn& mapped) { return mapped.name == column.name; });
    if (column.required && !is_mapped) {
      faults.push_back("column " + column.name +
                       " is NOT NULL and nothing fills it; map it or give it a default");
    }
  }
}

void check_rights(const TableMapping& mapping, const Table& table, std::vector<std::string>& faults) {
  const bool updates = mapping.on_conflict == OnConflict::kUpdate;
  bool insert = true, update = true, select = true;
  for (const MappedColumn& mapped : mapping.columns) {
    const Column* column = table.column(mapped.name);
    if (column == nullptr) continue;
    const bool key = is_key(mapping, mapped.name);
    insert = insert && column->insert;
    update = update && (key || column->update);
    select = select && ((!key && !updates) || column->select);
  }
  const std::string role = "role " + table.role + " may not ";
  if (!table.usage) {
    faults.push_back(role + "use schema " + mapping.schema +
                     "; an administrator must run: GRANT USAGE ON SCHEMA " +
                     quote_identifier(mapping.schema) + " TO " + quote_identifier(table.role) + ";");
  }
  if (!insert)
    faults.push_back(role + "insert; an administrator must run: " + grant("INSERT", mapping, table));
  if (updates && !update) {
    faults.push_back(role + "update, which on_conflict = \"update\" needs; an administrator must run: " +
                     grant("UPDATE", mapping, table));
  }
  if (!select) {
    faults.push_back(role + "read what on_conflict compares and updates; an administrator must run: " +
                     grant("SELECT", mapping, table));
  }
  if (!table.temp) {
    faults.push_back(
        role +
        "make temporary tables, through which the rows go; an administrator must run: GRANT TEMPORARY "
        "ON DATABASE ... TO " +
        quote_identifier(table.role) + ";");
  }
}

// What the catalogue's tables cannot tell (a type without a cast, a rule, a policy), the planner does, running nothing.
PgResult<void> try_plan(Connection& connection, const PgOptions& options, const TableMapping& mapping) {
  auto types = connection.query(column_types_sql(connection, mapping), statement_deadline(options),
                                "reading the columns' types");
  if (!types) return fail(not_the_event(std::move(types).error()));
  std::string none = "(SELECT NULL::bigint AS n, NULL::uuid AS id";
  for (std::size_t i = 0; i < mapping.columns.size(); ++i) {
    none +=
        ", NULL::" + std::string(staged_type(mapping.columns[i].source)) + " AS c" + std::to_string(i + 1);
  }
  auto planned =
      connection.query("EXPLAIN " + insert_sql(mapping, column_types(*types), none + ") AS none", false),
                       statement_deadline(options), "planning an insert");
  if (!planned) return fail(not_the_event(std::move(planned).error()));
  return {};
}

}  // namespace

PgResult<std::vector<std::string>> target_faults(Connection& connection, const PgOptions& options,
                                                 const TableMapping& mapping) {
  auto table = read_table(connection, options, mapping);
  if (!table) return fail(std::move(table).error());
  std::vector<std::string> faults;
  if (!table->found) {
    faults.push_back("there is no such table" +
                     std::string(mapping.schema.empty()
                                     ? " on the role's search_path; write table = \"schema.table\""
                                     : ""));
    return faults;
  }
  check_columns(mapping, *table, faults);
  check_rights(mapping, *table, faults);
  if (!faults.empty()) return faults;
  if (!mapping.conflict_keys.empty() && table->kind != "v" && table->kind != "f") {
    auto unique = has_unique_index(connection, options, mapping, *table);
    if (!unique) return fail(std::move(unique).error());
    if (!*unique) {
      const std::string keys = joined(mapping.conflict_keys, ", ");
      faults.push_back("conflict_keys (" + keys +
                       ") have no unique index; an administrator must run: CREATE UNIQUE INDEX ON " +
                       mapping.quoted_name() + " (" + keys + ");");
      return faults;
    }
  }
  auto planned = try_plan(connection, options, mapping);
  if (!planned && planned.error().error_class == ErrorClass::kOutage) return fail(std::move(planned).error());
  if (!planned) faults.push_back(planned.error().text);
  return faults;
}

PgResult<void> check_target(Connection& connection, const PgOptions& options, std::string_view lane) {
  const TableMapping* mapping = options.tables ? options.tables->find(lane) : nullptr;
  if (mapping == nullptr) return {};
  auto faults = target_faults(connection, options, *mapping);
  if (!faults) return fail(std::move(faults).error());
  if (faults->empty()) return {};
  return fail(PgError{.error_class = ErrorClass::kSetup,
                      .text = "table " + mapping->shown_name() + " does not fit: " + joined(*faults, "; "),
                      .hint = "Change the table, or [sources." + std::string(lane) +
                              ".columns]. The lane tries again by itself; hookspool doctor checks at once."});
}

std::string column_types_sql(Connection& connection, const TableMapping& mapping) {
  // -1: without the type's modifier, and with the name that stands for "any length".
  return "SELECT a.attname, pg_catalog.format_type(a.atttypid, -1) FROM pg_catalog.pg_attribute a"
         " JOIN pg_catalog.pg_class c ON c.oid = a.attrelid WHERE a.attnum > 0 AND NOT a.attisdropped AND " +
         relation_where(connection, mapping);
}

ColumnTypes column_types(const PgRows& rows) {
  ColumnTypes types;
  for (const auto& row : rows.rows) types.emplace(row.at(0).value_or(""), row.at(1).value_or(""));
  return types;
}

std::string_view staged_type(const ColumnSource& source) {
  if (source.kind != ColumnSource::Kind::kField) return "text";
  switch (source.field) {
    case EventField::kId:
    case EventField::kEpoch:
      return "uuid";
    case EventField::kReceivedAt:
      return "timestamptz";
    case EventField::kBody:
      return "bytea";
    case EventField::kSeq:
      return "bigint";
    default:
      return "text";
  }
}

std::string insert_sql(const TableMapping& mapping, const ColumnTypes& types, const std::string& source,
                       bool only_missing) {
  std::vector<std::string> columns, values, converted, updates, keys, key_values, null_tests;
  for (std::size_t i = 0; i < mapping.columns.size(); ++i) {
    const MappedColumn& mapped = mapping.columns[i];
    const std::string number = std::to_string(i + 1);
    std::string value = "c" + number;
    if (mapped.source.conversion == ColumnSource::Conversion::kUnixSeconds)
      value = "to_timestamp(" + value + "::float8)";
    if (mapped.source.conversion == ColumnSource::Conversion::kUnixMilliseconds) {
      value = "to_timestamp(" + value + "::float8 / 1000)";
    }
    const auto type = types.find(mapped.name);
    // A column that is not there is left to PostgreSQL's own complaint.
    converted.push_back(value + (type == types.end() ? "" : "::" + type->second) + " AS v" + number);
    values.push_back("v" + number);
    columns.push_back(quote_identifier(mapped.name));
    if (is_key(mapping, mapped.name)) {
      keys.push_back(columns.back());
      key_values.push_back("v" + number);
      null_tests.push_back("v" + number + " IS NULL");
    } else {
      updates.push_back(columns.back() + " = EXCLUDED." + columns.back());
    }
  }
  std::string rows = "SELECT n, " + joined(converted, ", ") + " FROM " + source;
  if (only_missing) {
    const MappedColumn* id = mapping.id_column();
    const auto type = types.find(id->name);
    rows += " WHERE NOT EXISTS (SELECT FROM " + mapping.quoted_name() + " AS there WHERE there." +
            quote_identifier(id->name) + " = id" + (type == types.end() ? "" : "::" + type->second) + ")";
  }
  const bool update = mapping.on_conflict == OnConflict::kUpdate;
  if (update) {
    // PostgreSQL updates a row only once in a statement: of several with one key the last counts. A key with a NULL
    // equals no other.
    rows = "SELECT DISTINCT ON (" + joined(key_values, ", ") + ", CASE WHEN " + joined(null_tests, " OR ") +
           " THEN n END) * FROM (" + rows + ") AS every ORDER BY " + joined(key_values, ", ") +
           ", CASE WHEN " + joined(null_tests, " OR ") + " THEN n END, n DESC";
  }
  std::string sql = "INSERT INTO " + mapping.quoted_name() + " (" + joined(columns, ", ") + ") SELECT " +
                    joined(values, ", ") + " FROM (" + rows + ") AS staged ORDER BY n";
  if (mapping.on_conflict == OnConflict::kError) return sql;
  sql += " ON CONFLICT";
  if (!keys.empty()) sql += " (" + joined(keys, ", ") + ")";
  return sql + (update && !updates.empty() ? " DO UPDATE SET " + joined(updates, ", ") : " DO NOTHING");
}

}  // namespace hookspool::net
