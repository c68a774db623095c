// A table of the user's own: which part of an event fills which of its columns, and what happens where a row with
// the same key is there already. Plain values, read once at start; thread-safe as long as no thread writes them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/condition/condition.h"
#include "net/json/place.h"
#include "net/pg/tables/body_rules.h"
#include "net/pg/tables/item_path.h"
#include "storage/model/result.h"

namespace hookspool::net {

inline constexpr std::size_t kMappedColumnsMax = 200;
inline constexpr std::size_t kIdentifierBytesMax = 63;    // PostgreSQL cuts longer names off
inline constexpr std::size_t kLaneTablesMax = 16;         // tables of one source
inline constexpr std::size_t kItemsMaxDefault = 10'000;   // elements of one event that become rows
inline constexpr std::size_t kItemsMaxLargest = 100'000;  // the same, at most to be set

enum class EventField {
  kId,
  kReceivedAt,
  kSource,
  kDeliveryId,
  kPayload,
  kBody,
  kSeq,
  kEpoch,
  kAgentId,
  kMethod,
  kPath,
  kQuery,
  kRemoteAddr,
  kContentType,
  kHeaders,
  kItem,  // of for_each: 0, 1, 2 ... within the event
};

// What fills a column.
struct ColumnSource {
  enum class Kind { kPointer, kHeader, kField };
  enum class Conversion { kNone, kUnixSeconds, kUnixMilliseconds };  // of a number, to timestamptz
  Kind kind = Kind::kField;
  JsonPlace place{};     // of a pointer
  std::string header{};  // lower case
  EventField field = EventField::kId;
  Conversion conversion = Conversion::kNone;
  std::string spec{};  // as it was written
  bool operator==(const ColumnSource&) const = default;
};

// "/entry/0/id" (RFC 6901), "./id" or "../id" (JsonPlace), "header:x-github-event" or "@received_at"; a pointer or a header
// may end in " | unix_ms" or " | unix_s". The error says what is wrong and what could be written instead.
Result<ColumnSource, std::string> parse_column_source(std::string_view spec);

// "@id", "@received_at", ...
const std::vector<std::string>& event_field_names();

struct MappedColumn {
  std::string name;
  ColumnSource source;
  bool operator==(const MappedColumn&) const = default;
};

enum class OnConflict { kError, kIgnore, kUpdate };

struct TableMapping {
  std::string schema{};  // empty: the session's search_path decides
  std::string table{};
  std::vector<MappedColumn> columns{};
  OnConflict on_conflict = OnConflict::kError;
  std::vector<std::string> conflict_keys{};  // names of mapped columns; kUpdate needs some
  std::optional<ItemPath> for_each{};        // a row for each of these elements; nothing: one for an event
  bool missing_is_refused = false;           // what for_each does not find makes a dead letter
  std::size_t items_max = kItemsMaxDefault;  // of one event; more make a dead letter
  std::optional<Condition> where{};          // which rows; nothing: all
  bool operator==(const TableMapping&) const = default;

  std::string quoted_name() const;  // for SQL
  std::string shown_name() const;   // for people
  // The column that holds the event's id; null: there is none.
  const MappedColumn* id_column() const { return column_of(EventField::kId); }
  // The one that holds the number of the element within the event; null: there is none.
  const MappedColumn* item_column() const { return column_of(EventField::kItem); }
  // Can rows be distinguished by the event's id, and by the element's number where an event has several?
  bool identified() const { return id_column() != nullptr && (!for_each || item_column() != nullptr); }
  // Can an event be given again without harm? As its rows are known, or because a second row with a key is no error.
  bool repeatable() const { return identified() || on_conflict != OnConflict::kError; }
  // May an event make another number of rows than one?
  bool makes_one_row() const { return !for_each && !where; }

 private:
  const MappedColumn* column_of(EventField field) const;
};

// What a lane fills besides hookspool.events, or instead of it.
struct LaneMapping {
  LaneMapping() = default;
  LaneMapping(TableMapping only) {
    tables.push_back(std::move(only));
  }                                    // NOLINT: one table is the usual case
  std::vector<TableMapping> tables{};  // at least one
  bool also_events = false;            // each event is a row of hookspool.events as well
  bool operator==(const LaneMapping&) const = default;

  bool repeatable() const;          // each of the tables
  std::string shown_names() const;  // for people
};

// The lanes that fill tables of their own (all others fill hookspool.events), and those whose bodies have rules.
struct LaneTables {
  std::map<std::string, LaneMapping, std::less<>> by_lane;
  std::map<std::string, BodyRules, std::less<>> bodies{};
  const LaneMapping* find(std::string_view lane) const;
};

// Of a lane; without any the usual ones. `tables` may be null, and must outlive what is returned.
const BodyRules& body_rules(const LaneTables* tables, std::string_view lane);

}  // namespace hookspool::net
