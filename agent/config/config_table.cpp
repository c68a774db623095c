#include "agent/config/config_table.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>
#include <vector>

#include "agent/config/config_condition.h"

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

// What a source of a column needs of its table; empty: nothing.
std::string misplaced(const net::ColumnSource& source, const net::TableMapping& mapping) {
  const bool is_item =
      source.kind == net::ColumnSource::Kind::kField && source.field == net::EventField::kItem;
  const bool is_relative = source.kind == net::ColumnSource::Kind::kPointer && source.place.is_relative();
  if (!mapping.for_each && (is_item || is_relative)) {
    return "\"" + source.spec + "\" is " + (is_item ? "the number" : "relative to an element") +
           " of for_each, which is not given beside it";
  }
  if (is_relative && source.place.up >= mapping.for_each->levels()) {
    return "\"" + source.spec + "\" goes above the outermost element of for_each = \"" +
           mapping.for_each->text() + "\"; from the root it begins with /";
  }
  return {};
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
    if (const std::string fault = misplaced(*source, mapping); !fault.empty())
      faults.add(node.source(), where + fault);
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

void read_for_each(TableReader& source, net::TableMapping& mapping) {
  std::string written;
  if (source.text("for_each", written)) {
    auto path = net::ItemPath::parse(written);
    if (path) {
      mapping.for_each = std::move(*path);
    } else {
      source.fault("for_each", "\"" + written + "\" " + path.error());
    }
  }
  for (const std::string_view key : {"for_each_missing", "max_items"}) {
    if (source.has(key) && !source.has("for_each")) source.fault(key, "is for a table with for_each");
  }
  std::string missing = "skip";
  if (source.text("for_each_missing", missing) && missing != "skip" && missing != "dead_letter")
    source.fault("for_each_missing", "\"" + missing + "\" is neither \"skip\" nor \"dead_letter\"");
  mapping.missing_is_refused = missing == "dead_letter";
  source.integer("max_items", mapping.items_max, 1, net::kItemsMaxLargest);
}

bool read_also(TableReader& source, bool own_tables) {
  std::string also;
  if (!source.text("also", also)) return false;
  if (also != "events") {
    source.fault("also",
                 "\"" + also + "\" is not \"events\", which keeps each webhook in the events table as well");
  } else if (!own_tables) {
    source.fault("also",
                 "is for a source with a table of its own; without one it fills the events table anyway");
  }
  return true;
}

// What is for a table of the user's own and stands where there is none.
constexpr std::array kOwnTableKeys{"conflict_keys",    "on_conflict", "for_each",
                                   "for_each_missing", "max_items",   "where"};

// One table, of a source or of one of its blocks. `is_block`: then it needs to be named.
std::optional<net::TableMapping> read_table(TableReader& source, const std::string& place,
                                            const std::string& schema, bool is_block, FaultList& faults) {
  const std::string events = schema + ".events";
  std::string written = events;
  const bool named = source.text("table", written);
  const toml::table* columns = source.table("columns");
  const toml::array* keys = source.array("conflict_keys");
  net::TableMapping mapping;
  read_for_each(source, mapping);
  mapping.where = read_condition(source, "where", mapping.for_each ? mapping.for_each->levels() : 0);
  if (columns != nullptr) read_columns(*columns, place, mapping, faults);
  if (keys != nullptr)
    read_keys(*keys, columns == nullptr ? toml::table() : *columns, place, mapping, faults);
  read_on_conflict(source, mapping);
  if (written == events && is_block) {
    source.fault(
        "table",
        named ? "\"" + events + "\" is no table of yours; also = \"events\" of the source fills it as well"
              : "is missing: the name of the table, as in table = \"public.messages\"");
    return std::nullopt;
  }
  if (written == events) {
    if (columns != nullptr) {
      source.fault(
          "columns",
          named ? "\"" + events + "\" has its own columns; name a table of yours in table, or remove them"
                : std::string("needs table = \"schema.table\" beside it"));
      return std::nullopt;
    }
    for (const std::string_view key : kOwnTableKeys) {
      const bool is_default = key == "on_conflict" && mapping.on_conflict == net::OnConflict::kError;
      if (!source.has(key) || is_default) continue;
      source.fault(key, "is for a table of your own; \"" + events + "\" has its own rule");
      break;
    }
    return std::nullopt;
  }
  const bool name_ok = read_name(source, written, mapping);
  if (columns == nullptr) {
    source.fault("table", "\"" + written + "\" needs to know what goes where: add [" + place +
                              "columns] with lines as in message = \"/entry/0/messaging/0/message/text\"");
    return std::nullopt;
  }
  if (!name_ok) return std::nullopt;
  return mapping;
}

void read_blocks(const toml::array& blocks, const std::string& place, const std::string& schema,
                 net::LaneMapping& lane, FaultList& faults) {
  if (blocks.empty() || blocks.size() > net::kLaneTablesMax) {
    faults.add(blocks.source(), place + "tables: are " + std::to_string(blocks.size()) + "; 1 to " +
                                    std::to_string(net::kLaneTablesMax) + " may be given");
    return;
  }
  for (const auto& node : blocks) {
    const auto* block = node.as_table();
    if (block == nullptr) {
      faults.add(node.source(), place + "tables: each is a table: write [[" + place + "tables]]");
      continue;
    }
    TableReader reader(block, place + "tables.", faults);
    if (auto table = read_table(reader, place + "tables.", schema, true, faults))
      lane.tables.push_back(std::move(*table));
    reader.finish();
  }
}

}  // namespace

std::optional<net::LaneMapping> read_tables(TableReader& source, const std::string& name,
                                            const std::string& schema, FaultList& faults) {
  const std::string place = "sources." + name + ".";
  net::LaneMapping lane;
  const toml::array* blocks = source.array("tables");
  auto only = read_table(source, place, schema, false, faults);
  if (blocks != nullptr) {
    if (source.has("table"))
      source.fault("table", "stands beside [[" + place + "tables]]; make it one of these");
    read_blocks(*blocks, place, schema, lane, faults);
  } else if (only) {
    lane.tables.push_back(std::move(*only));
  }
  lane.also_events = read_also(source, blocks != nullptr || source.has("columns"));
  if (lane.tables.empty()) return std::nullopt;
  return lane;
}

}  // namespace hookspool::agent
