#include "net/pg/tables/target_columns.h"

#include <algorithm>

#include "net/json/json.h"

namespace hookspool::net {
namespace {

// name holds NAMEDATALEN - 1 bytes and "char" one; both silently cut what is longer.
constexpr std::size_t kNameBytesMax = 63;
constexpr std::size_t kCharBytesMax = 1;

// Of money a number is meant as one, whatever lc_monetary takes the decimal point for; "$1.50" is read by money's own rules.
constexpr std::string_view kMoney =
    "CASE WHEN {} ~ '^\\s*[-+]?[0-9]*[.]?[0-9]+([eE][-+]?[0-9]+)?\\s*$' THEN "
    "{}::pg_catalog.numeric::pg_catalog.money"
    " ELSE {}::pg_catalog.money END";

// A cast from timetz to time leaves out the zone, and 24:00:00 is a time of its own.
constexpr std::string_view kTime =
    "CASE WHEN pg_catalog.date_part('timezone', {}) = 0 THEN {}::@ ELSE ({} AT TIME ZONE 'UTC')::@ END";
// The session's zone is UTC, which the casts from timestamptz go by. @: timestamp or date.
constexpr std::string_view kRange =
    "CASE WHEN {} IS NULL THEN NULL WHEN pg_catalog.isempty({}) THEN 'empty' ELSE pg_catalog.#("
    "pg_catalog.lower({})::pg_catalog.@, pg_catalog.upper({})::pg_catalog.@,"
    " CASE WHEN pg_catalog.lower_inc({}) THEN '[' ELSE '(' END ||"
    " CASE WHEN pg_catalog.upper_inc({}) THEN ']' ELSE ')' END) END";
// @: the type, which is also the name of the function beside it.
constexpr std::string_view kHstore =
    "CASE pg_catalog.json_typeof({}) WHEN 'object' THEN (SELECT COALESCE(@(pg_catalog.array_agg(k),"
    " pg_catalog.array_agg(v)), ''::@) FROM pg_catalog.jsonb_each_text({}::pg_catalog.jsonb) AS m(k, v))"
    " ELSE ({} OPERATOR(pg_catalog.#>>) ARRAY[]::pg_catalog.text[])::@ END";

std::string with(std::string_view sql, char mark, std::string_view text) {
  std::string out;
  for (const char c : sql) c == mark ? out.append(text) : out.append(1, c);
  return out;
}

struct CatalogRow {
  std::string name, type;
  std::string base;  // below domains and array, where it is one of pg_catalog's
  bool is_array = false, is_composite = false;
  std::string with_zone;  // timestamptz with the base's modifier and the array's brackets
  std::string base_type;  // the base with its modifier and the array's brackets
};

TargetColumn column_of(const CatalogRow& row) {
  TargetColumn column{row.name, row.type,
                      row.is_array || row.is_composite ? ValueForm::kNested : ValueForm::kText, row.type};
  if (row.base == "name") column.bytes_max = kNameBytesMax;
  if (row.base == "char") column.bytes_max = kCharBytesMax;
  // Their own input functions leave out a zone that is there: one instant would be as many values as there are zones.
  if (row.base == "timestamp" || row.base == "date") {
    column.read_as = row.with_zone;
    column.converted = "{}::" + row.base_type;
  }
  column.zone_left_out =
      row.is_array && (row.base == "time" || row.base == "tsrange" || row.base == "daterange");
  column.zone_left_out |= row.base == "tsmultirange" || row.base == "datemultirange";
  column.has_members = row.is_composite;
  if (row.is_array) return column;
  if (row.base == "time") {
    column.read_as = "pg_catalog.timetz";
    column.converted = with(kTime, '@', row.base_type);
  }
  if (row.base == "tsrange" || row.base == "daterange") {
    column.read_as = "pg_catalog.tstzrange";
    column.converted = with(with(kRange, '#', row.base), '@', row.base == "tsrange" ? "timestamp" : "date");
  }
  if (row.base == "hstore") {
    column.form = ValueForm::kObject;
    column.read_as = "pg_catalog.json";
    column.converted = with(kHstore, '@', row.base_type);
  }
  if (row.base == "json" || row.base == "jsonb") {
    column.form = ValueForm::kJson;
    column.read_as = "text";
    column.converted = "{}::pg_catalog." + row.base;
  }
  if (row.base == "money") {
    column.read_as = "text";
    column.converted = kMoney;
  }
  return column;
}

}  // namespace

std::string relation_where(const Connection& connection, const TableMapping& mapping) {
  if (mapping.schema.empty()) {
    return "c.oid = pg_catalog.to_regclass(" + connection.quote_literal(mapping.quoted_name()) + ")";
  }
  return "c.relname = " + connection.quote_literal(mapping.table) +
         " AND c.relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = " +
         connection.quote_literal(mapping.schema) + ")";
}

std::string target_columns_sql(const Connection& connection, const TableMapping& mapping) {
  std::string names;
  for (const MappedColumn& column : mapping.columns) {
    names += (names.empty() ? "" : ", ") + connection.quote_literal(column.name);
  }
  // Each step takes off a domain or an array; a modifier belongs to what is below.
  return "WITH RECURSIVE below AS (SELECT a.attname, a.attnum, a.atttypid, a.atttypmod, a.atttypid AS typ,"
         " a.atttypmod AS modifier, false AS is_array FROM pg_catalog.pg_attribute a JOIN "
         "pg_catalog.pg_class c"
         " ON c.oid = a.attrelid WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attname IN (" +
         names + ") AND " + relation_where(connection, mapping) +
         " UNION ALL SELECT b.attname, b.attnum, b.atttypid, b.atttypmod,"
         " CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE e.oid END,"
         " CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE b.modifier END, b.is_array OR t.typtype <> 'd'"
         " FROM below b JOIN pg_catalog.pg_type t ON t.oid = b.typ LEFT JOIN pg_catalog.pg_type e ON e.oid = "
         "t.typelem"
         " AND e.typarray = t.oid WHERE t.typtype = 'd' OR e.oid IS NOT NULL)"
         " SELECT b.attname, pg_catalog.format_type(b.atttypid, b.atttypmod),"
         " CASE WHEN t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace THEN t.typname WHEN t.typname = "
         "'hstore'"
         " AND EXISTS (SELECT FROM pg_catalog.pg_depend x JOIN pg_catalog.pg_extension y ON y.oid = "
         "x.refobjid"
         " WHERE x.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND x.objid = t.oid AND x.deptype = "
         "'e'"
         " AND y.extname = 'hstore') THEN 'hstore' ELSE '' END, "
         "b.is_array,"
         " t.typtype = 'c', pg_catalog.format_type('pg_catalog.timestamptz'::pg_catalog.regtype, CASE WHEN "
         "t.typname ="
         " 'timestamp' THEN b.modifier ELSE -1 END) || CASE WHEN b.is_array THEN '[]' ELSE '' END,"
         " pg_catalog.format_type(t.oid, b.modifier) || CASE WHEN b.is_array THEN '[]' ELSE '' END"
         " FROM below b JOIN pg_catalog.pg_type t ON t.oid = b.typ WHERE t.typtype <> 'd' AND NOT EXISTS "
         "(SELECT FROM"
         " pg_catalog.pg_type e WHERE e.oid = t.typelem AND e.typarray = t.oid) ORDER BY b.attnum";
}

std::vector<TargetColumn> target_columns(const PgRows& rows) {
  std::vector<TargetColumn> columns;
  const auto yes = [](const std::optional<std::string>& value) { return value == "t"; };
  for (const auto& row : rows.rows) {
    columns.push_back(
        column_of({row.at(0).value_or(""), row.at(1).value_or(""), row.at(2).value_or(""), yes(row.at(3)),
                   yes(row.at(4)), row.at(5).value_or(""), row.at(6).value_or("")}));
  }
  return columns;
}

std::string target_members_sql(const Connection& connection, const TableMapping& mapping) {
  std::string names;
  for (const MappedColumn& column : mapping.columns) {
    names += (names.empty() ? "" : ", ") + connection.quote_literal(column.name);
  }
  // Each step takes off a domain or an array, or goes into a composite type, which never holds itself.
  return "WITH RECURSIVE part AS (SELECT a.attname::text AS col, '{}'::text[] COLLATE pg_catalog.\"C\" AS "
         "path, a.atttypid AS typ FROM"
         " pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid WHERE a.attnum > 0 AND "
         "NOT"
         " a.attisdropped AND a.attname IN (" +
         names + ") AND " + relation_where(connection, mapping) +
         " UNION ALL SELECT p.col, CASE WHEN m.attname IS NULL THEN p.path ELSE"
         " pg_catalog.array_append(p.path, m.attname::text) END, CASE WHEN t.typtype = 'd' THEN t.typbasetype"
         " WHEN m.attname IS NOT NULL THEN m.atttypid ELSE e.oid END FROM part p JOIN pg_catalog.pg_type t ON"
         " t.oid = p.typ LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND e.typarray = t.oid LEFT JOIN"
         " pg_catalog.pg_attribute m ON t.typtype = 'c' AND m.attrelid = t.typrelid AND m.attnum > 0 AND NOT"
         " m.attisdropped WHERE t.typtype = 'd' OR e.oid IS NOT NULL OR m.attname IS NOT NULL)"
         " SELECT p.col, pg_catalog.array_to_json(p.path)::text, t.typname FROM part p JOIN "
         "pg_catalog.pg_type t"
         " ON t.oid = p.typ WHERE p.path <> '{}' AND t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace "
         "AND"
         " t.typname IN ('name', 'char', 'timestamp', 'date', 'time', 'tsrange', 'daterange', 'tsmultirange',"
         " 'datemultirange') ORDER BY 1, 2";
}

void add_members(const PgRows& rows, std::vector<TargetColumn>& columns) {
  for (const auto& row : rows.rows) {
    const auto column = std::find_if(columns.begin(), columns.end(),
                                     [&](const TargetColumn& each) { return each.name == row.at(0); });
    const std::string path = row.at(1).value_or(""), type = row.at(2).value_or("");
    const auto names = find_json(path, JsonPointer({}));
    if (column == columns.end() || !names) continue;
    TargetMember& member = column->members.emplace_back();
    each_element(*names, [&](const JsonValue& name) {
      member.path.push_back(name.characters());
      return true;
    });
    member.type = type;
    member.bytes_max = type == "name" ? kNameBytesMax : type == "char" ? kCharBytesMax : 0;
  }
}

const TargetColumn* find_column(const std::vector<TargetColumn>& columns, const std::string& name) {
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&](const TargetColumn& column) { return column.name == name; });
  return found == columns.end() ? nullptr : &*found;
}

}  // namespace hookspool::net
