#include "agent/config/config_table.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

namespace hookspool::agent {
namespace {

bool identifier_ok(const std::string& name) {
  return !name.empty() && name.size() <= net::kIdentifierBytesMax && name.find('\0') == std::string::npos;
}

bool read_name(TableReader& source, const std::string& written, net::TableMapping& mapping) {
  const auto dot = written.find('.');
  if (dot != std::string::npos) mapping.schema = written.substr(0, dot);
  mapping.table = dot == std::string::npos ? written : written.substr(dot + 1);
  const bool ok = identifier_ok(mapping.table) && mapping.table.find('.') == std::string::npos &&
                  (dot == std::string::npos || identifier_ok(mapping.schema));
  if (!ok)
    source.fault(
        "table",
        "\"" + written + "\" is not a table; write \"table\" or \"schema.table\", without quotes inside");
  return ok;
}

void read_columns(const toml::table& columns, const std::string& place, net::TableMapping& mapping,
                  FaultList& faults) {
  for (const auto& [key, node] : columns) {
    const std::string column(key.str());
    const std::string where = place + "columns." + column + ": ";
    if (!identifier_ok(column)) faults.add(key.source(), where + "a column's name has 1 to 63 bytes");
    const auto* spec = node.as_string();
    if (spec == nullptr) {
      faults.add(node.source(),
                 where + "needs a text in quotes: \"/json/pointer\", \"header:name\" or \"@field\"");
      continue;
    }
    auto source = net::parse_column_source(spec->get());
    if (!source) {
      std::string fault = std::move(source.error());
      const std::string nearest =
          spec->get().starts_with('@') ? near_miss(spec->get(), net::event_field_names()) : "";
      if (!nearest.empty()) fault += "; did you mean \"" + nearest + "\"?";
      faults.add(node.source(), where + fault);
      continue;
    }
    mapping.columns.push_back({column, std::move(*source)});
  }
  if (columns.empty()) faults.add(columns.source(), place + "columns: is empty; name at least one column");
  if (columns.size() > net::kMappedColumnsMax) {
    faults.add(columns.source(), place + "columns: more than " + std::to_string(net::kMappedColumnsMax));
  }
}

void read_keys(const toml::array& keys, const toml::table& columns, const std::string& place,
               net::TableMapping& mapping, FaultList& faults) {
  std::vector<std::string> names;
  for (const auto& [key, node] : columns) names.emplace_back(key.str());
  const std::string where = place + "conflict_keys: ";
  std::set<std::string> seen;
  for (const auto& node : keys) {
    const auto* text = node.as_string();
    if (text == nullptr) {
      faults.add(node.source(), where + "each is a column's name in quotes");
      continue;
    }
    const std::string& key = text->get();
    if (!seen.insert(key).second) faults.add(node.source(), where + "\"" + key + "\" is there twice");
    if (std::find(names.begin(), names.end(), key) == names.end()) {
      const std::string nearest = near_miss(key, names);
      faults.add(node.source(), where + "\"" + key + "\" is none of the columns" +
                                    (nearest.empty() ? "" : "; did you mean \"" + nearest + "\"?"));
    }
    mapping.conflict_keys.push_back(key);
  }
}

void read_on_conflict(TableReader& source, net::TableMapping& mapping) {
  std::string on_conflict = "error";
  source.text("on_conflict", on_conflict);
  if (on_conflict == "ignore") {
    mapping.on_conflict = net::OnConflict::kIgnore;
  } else if (on_conflict == "update") {
    mapping.on_conflict = net::OnConflict::kUpdate;
    if (mapping.conflict_keys.empty()) {
      source.fault("on_conflict",
                   "\"update\" needs conflict_keys = [\"column\"], which a unique index covers");
    }
  } else if (on_conflict != "error") {
    const std::string nearest = near_miss(on_conflict, {"error", "ignore", "update"});
    source.fault("on_conflict", "\"" + on_conflict + "\" is none of \"error\", \"ignore\", \"update\"" +
                                    (nearest.empty() ? "" : "; did you mean \"" + nearest + "\"?"));
  } else if (!mapping.conflict_keys.empty()) {
    source.fault("conflict_keys",
                 "are given but on_conflict is \"error\"; set it to \"ignore\" or \"update\"");
  }
}

}  // namespace

std::optional<net::TableMapping> read_table(TableReader& source, const std::string& name,
                                            const std::string& schema, FaultList& faults) {
  const std::string place = "sources." + name + ".", events = schema + ".events";
  std::string written = events;
  const bool named = source.text("table", written);
  const toml::table* columns = source.table("columns");
  const toml::array* keys = source.array("conflict_keys");
  net::TableMapping mapping;
  if (columns != nullptr) read_columns(*columns, place, mapping, faults);
  if (keys != nullptr)
    read_keys(*keys, columns == nullptr ? toml::table() : *columns, place, mapping, faults);
  read_on_conflict(source, mapping);
  if (written == events) {
    if (columns != nullptr) {
      source.fault(
          "columns",
          named ? "\"" + events + "\" has its own columns; name a table of yours in table, or remove them"
                : std::string("needs table = \"schema.table\" beside it"));
    } else if (keys != nullptr || mapping.on_conflict != net::OnConflict::kError) {
      source.fault(keys != nullptr ? "conflict_keys" : "on_conflict",
                   "is for a table of your own; \"" + events + "\" has its own rule");
    }
    return std::nullopt;
  }
  const bool name_ok = read_name(source, written, mapping);
  if (columns == nullptr) {
    source.fault("table", "\"" + written + "\" needs to be told what goes where: add [" + place +
                              "columns] with lines as in message = \"/entry/0/messaging/0/message/text\"");
    return std::nullopt;
  }
  if (!name_ok) return std::nullopt;
  return mapping;
}

}  // namespace hookspool::agent
