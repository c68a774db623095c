// A table of the user's own: which part of an event fills which of its columns, and what happens where a row with
// the same key is there already. Plain values, read once at start; thread-safe as long as nobody writes them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "storage/model/result.h"

namespace hookspool::net {

inline constexpr std::size_t kMappedColumnsMax = 200;
inline constexpr std::size_t kIdentifierBytesMax = 63;  // PostgreSQL cuts longer names off

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
};

// What fills a column.
struct ColumnSource {
  enum class Kind { kPointer, kHeader, kField };
  enum class Conversion { kNone, kUnixSeconds, kUnixMilliseconds };  // of a number, to timestamptz
  Kind kind = Kind::kField;
  std::vector<std::string> pointer{};  // the tokens of a JSON pointer, unescaped
  std::string header{};                // lower case
  EventField field = EventField::kId;
  Conversion conversion = Conversion::kNone;
  std::string spec{};  // as it was written
  bool operator==(const ColumnSource&) const = default;
};

// "/entry/0/id" (RFC 6901), "header:x-github-event" or "@received_at"; a pointer or a header may end in " | unix_ms"
// or " | unix_s". The error says what is wrong and what could be written instead.
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
  bool operator==(const TableMapping&) const = default;

  std::string quoted_name() const;  // for SQL
  std::string shown_name() const;   // for people
  // The column that holds the event's id, by which rows can be told from one another; null: there is none.
  const MappedColumn* id_column() const;
  // Can an event be given again without harm? By its id, or because a second row with its key is no error.
  bool repeatable() const { return id_column() != nullptr || on_conflict != OnConflict::kError; }
};

// The lanes that fill a table of their own; all others fill hookspool.events.
struct LaneTables {
  std::map<std::string, TableMapping, std::less<>> by_lane;
  const TableMapping* find(std::string_view lane) const;
};

}  // namespace hookspool::net
