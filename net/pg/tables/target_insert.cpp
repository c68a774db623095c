#include "net/pg/tables/target_insert.h"

#include <algorithm>

#include "net/pg/link/text.h"
#include "net/pg/tables/schema.h"

namespace hookspool::net {
namespace {

// `value` for each "{}".
std::string with_value(std::string_view sql, const std::string& value) {
  constexpr std::string_view mark = "{}";
  std::string out;
  for (std::size_t at = sql.find(mark); at != std::string_view::npos; at = sql.find(mark)) {
    out.append(sql.substr(0, at)).append(value);
    sql.remove_prefix(at + mark.size());
  }
  return out.append(sql);
}

// As what column `mapped` is read. A column that is not there is left to PostgreSQL's own complaint.
std::string read_as(const MappedColumn& mapped, const TargetColumn* column) {
  if (mapped.source.conversion != ColumnSource::Conversion::kNone) return "pg_catalog.float8";
  return column == nullptr ? "pg_catalog.text" : column->read_as;
}

std::string converted(const MappedColumn& mapped, const TargetColumn* column, const std::string& value) {
  switch (mapped.source.conversion) {
    case ColumnSource::Conversion::kUnixSeconds:
      return "pg_catalog.to_timestamp(" + value + ")";
    case ColumnSource::Conversion::kUnixMilliseconds:
      return "pg_catalog.to_timestamp(" + value + " / 1000)";
    case ColumnSource::Conversion::kNone:
      break;
  }
  return column == nullptr || column->converted.empty() ? value : with_value(column->converted, value);
}

// What a field of an event is, where PostgreSQL has a type for it.
std::string_view type_of(const ColumnSource& source) {
  if (source.kind != ColumnSource::Kind::kField) return {};
  switch (source.field) {
    case EventField::kId:
    case EventField::kEpoch:
      return "uuid";
    case EventField::kReceivedAt:
      return "timestamptz";
    case EventField::kBody:
      return "bytea";
    case EventField::kSeq:
    case EventField::kItem:
      return "bigint";
    default:
      return {};
  }
}

// Of several rows with one key the last counts, for PostgreSQL updates a row only once in a statement. A key with a NULL
// equals no other.
std::string last_of_each_key(const TableMapping& mapping, const std::string& rows) {
  std::vector<std::string> keys, null_tests;
  for (std::size_t i = 0; i < mapping.columns.size(); ++i) {
    if (!is_key(mapping, mapping.columns[i].name)) continue;
    keys.push_back("v" + std::to_string(i + 1));
    null_tests.push_back(keys.back() + " IS NULL");
  }
  const std::string order = joined(keys, ", ") + ", CASE WHEN " + joined(null_tests, " OR ") + " THEN n END";
  return "SELECT DISTINCT ON (" + order + ") * FROM (" + rows + ") AS every ORDER BY " + order + ", n DESC";
}

std::string on_conflict(const TableMapping& mapping) {
  if (mapping.on_conflict == OnConflict::kError) return {};
  std::vector<std::string> keys, updates;
  for (const MappedColumn& mapped : mapping.columns) {
    const std::string name = quote_identifier(mapped.name);
    if (is_key(mapping, mapped.name)) {
      keys.push_back(name);
    } else {
      updates.push_back(name + " = EXCLUDED." + name);
    }
  }
  const std::string arbiter = keys.empty() ? "" : " (" + joined(keys, ", ") + ")";
  const bool update = mapping.on_conflict == OnConflict::kUpdate && !updates.empty();
  return " ON CONFLICT" + arbiter + (update ? " DO UPDATE SET " + joined(updates, ", ") : " DO NOTHING");
}

std::string insert_of(const TableMapping& mapping, const std::vector<TargetColumn>& columns,
                      const std::string& source, bool only_missing) {
  std::vector<std::string> names, values, named_values;
  for (std::size_t i = 0; i < mapping.columns.size(); ++i) {
    const MappedColumn& mapped = mapping.columns[i];
    const std::string number = std::to_string(i + 1);
    names.push_back(quote_identifier(mapped.name));
    values.push_back("v" + number);
    named_values.push_back(converted(mapped, find_column(columns, mapped.name), "c" + number) + " AS v" +
                           number);
  }
  std::string rows = "SELECT n, " + joined(named_values, ", ") + " FROM " + source;
  if (only_missing) {
    std::string same;
    for (const MappedColumn* key :
         {mapping.id_column(), mapping.for_each ? mapping.item_column() : nullptr}) {
      if (key == nullptr) continue;
      const auto at = static_cast<std::size_t>(key - mapping.columns.data());
      same += (same.empty() ? "there." : " AND there.") + names[at] + " = " + values[at];
    }
    rows = "SELECT * FROM (" + rows + ") AS every WHERE NOT EXISTS (SELECT FROM " + mapping.quoted_name() +
           " AS there WHERE " + same + ")";
  }
  const bool update = mapping.on_conflict == OnConflict::kUpdate;
  if (update) rows = last_of_each_key(mapping, rows);
  // As they come they are in order; a sort would hold all of them once more.
  const bool sorted = update || only_missing;
  return "INSERT INTO " + mapping.quoted_name() + " (" + joined(names, ", ") + ") SELECT " +
         joined(values, ", ") + " FROM (" + rows + ") AS read" + (sorted ? " ORDER BY n" : "") +
         on_conflict(mapping);
}

}  // namespace

bool is_key(const TableMapping& mapping, std::string_view column) {
  return std::find(mapping.conflict_keys.begin(), mapping.conflict_keys.end(), column) !=
         mapping.conflict_keys.end();
}

std::string insert_sql(const TableMapping& mapping, const std::vector<TargetColumn>& columns,
                       bool only_missing) {
  std::string source = "pg_catalog.json_to_recordset($1) AS r(n pg_catalog.int8";
  for (std::size_t i = 0; i < mapping.columns.size(); ++i) {
    const MappedColumn& mapped = mapping.columns[i];
    source += ", c" + std::to_string(i + 1) + " " + read_as(mapped, find_column(columns, mapped.name));
  }
  return insert_of(mapping, columns, source + ")", only_missing);
}

std::string conversion_sql(const TableMapping& mapping, const std::vector<TargetColumn>& columns,
                           std::string_view column) {
  for (std::size_t i = 0; i < mapping.columns.size(); ++i) {
    const MappedColumn& mapped = mapping.columns[i];
    if (mapped.name != column) continue;
    const TargetColumn* target = find_column(columns, mapped.name);
    const std::string name = "c" + std::to_string(i + 1);
    return "SELECT " + converted(mapped, target, name) + " FROM pg_catalog.json_to_recordset($1) AS r(" +
           name + " " + read_as(mapped, target) + ")";
  }
  return "SELECT";
}

std::string planned_insert_sql(const TableMapping& mapping, const std::vector<TargetColumn>& columns) {
  std::string source = "(SELECT NULL::pg_catalog.int8 AS n";
  for (std::size_t i = 0; i < mapping.columns.size(); ++i) {
    const MappedColumn& mapped = mapping.columns[i];
    const TargetColumn* column = find_column(columns, mapped.name);
    std::string type = read_as(mapped, column);
    // Of the fields' own types the planner knows which ones there is no way from.
    const std::string_view own = type_of(mapped.source);
    const bool typed =
        !own.empty() && column != nullptr && column->form == ValueForm::kText && column->converted.empty();
    if (typed) type = own;
    source += ", NULL::" + type + " AS c" + std::to_string(i + 1);
  }
  return "EXPLAIN " + insert_of(mapping, columns, source + ") AS none", false);
}

}  // namespace hookspool::net
