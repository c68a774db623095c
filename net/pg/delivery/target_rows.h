// Events as the rows of a table of the user's own: JSON arrays, as insert_sql() reads them, each of which is sent as soon as
// it is long enough. So memory does not grow with what an event holds. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/pg/link/error.h"
#include "net/pg/tables/item_reader.h"
#include "net/pg/tables/mapping.h"
#include "net/pg/tables/mapping_json.h"
#include "net/pg/tables/row_counts.h"
#include "net/pg/tables/target_columns.h"
#include "storage/model/event.h"

namespace hookspool::net {

// Of one array: beyond it no further row is begun.
inline constexpr std::size_t kRowsBytesMax = 256u << 10;
// Of all rows of one event: a column of the whole body in each of thousands of rows is a dead letter.
inline constexpr std::uint64_t kEventRowsBytesMax = 256ull << 20;

// Puts the element at fault into the text of a refusal: "inserting rows: /entry/1/messaging/0, column sent_at: ...".
void name_item(PgError& error, const std::string& item, const std::string& column = {});

class TargetRows {
 public:
  // Takes one array; what it refuses ends the event.
  using Send = std::function<PgResult<void>(const std::string& rows)>;
  // Which elements of an event are wanted, for finding the one that is refused.
  struct Range {
    std::uint64_t first = 0, end = UINT64_MAX;
  };

  // All of it must outlive this.
  TargetRows(const TableMapping& mapping, const std::vector<TargetColumn>& columns,
             const std::string& agent_id, Send send);

  // kEvent: a value that its column's type would silently cut, or more than one event may hold.
  PgResult<void> add(const Outgoing& outgoing) { return add(outgoing, Range()); }
  PgResult<void> add(const Outgoing& outgoing, const Range& wanted);
  // Sends what is left; without any row an empty array, which shows whether the table would take rows at all.
  PgResult<void> finish();

  const RowCounts& counts() const { return counts_; }
  // Of the event that was added last: its elements, and where the last of them that was wanted lies; "" without for_each.
  std::uint64_t items() const { return items_; }
  const std::string& last_item() const { return last_item_; }

 private:
  // What of an event fills a column, before it is known how that takes it.
  struct Value {
    enum class Kind { kNull, kText, kNumber, kJson, kWholeJson };
    Kind kind = Kind::kNull;
    JsonKind json = JsonKind::kNull;  // of kJson
    std::string_view lent{};          // kText: its characters; else the JSON
    std::string own{};                // the same where it had to be made
    std::string_view text() const { return own.empty() ? lent : std::string_view(own); }
  };
  // An event in hand.
  struct Source {
    const StoredEvent& stored;
    const JsonText& payload;
    const JsonText& headers;
    std::uint64_t bytes = 0;  // of its rows so far
  };
  static Value value_of(const JsonValue& found);
  Value field(EventField field, const TargetColumn& column, const Source& source,
              const ItemReader::Item& item) const;
  static PgResult<void> check_members(const TargetColumn& column, const Value& value);
  PgResult<void> row(Source& source, const ItemReader::Item& item);
  PgResult<void> member(std::size_t index, const TargetColumn& column, const Value& value);
  PgResult<void> refused_walk(const ItemReader::Walked& walked) const;
  PgResult<void> send();

  const TableMapping& mapping_;
  std::vector<TargetColumn> columns_;  // of the mapping's columns, in their order
  ItemReader reader_;
  const std::string& agent_id_;
  const Send send_;
  std::string rows_{"["};
  std::uint64_t count_ = 0;  // rows so far, in all arrays
  bool sent_ = false;
  RowCounts counts_;
  std::uint64_t items_ = 0;
  std::string last_item_;
};

}  // namespace hookspool::net
