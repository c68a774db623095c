// Events as the rows of a table of the user's own: one JSON array, as insert_sql() reads it. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/pg/link/error.h"
#include "net/pg/tables/mapping.h"
#include "net/pg/tables/mapping_json.h"
#include "net/pg/tables/target_columns.h"
#include "storage/model/event.h"

namespace hookspool::net {

class TargetRows {
 public:
  // All of it must outlive this.
  TargetRows(const TableMapping& mapping, const std::vector<TargetColumn>& columns,
             const std::string& agent_id);

  // kEvent: a value that its column's type would silently cut.
  PgResult<void> add(const StoredEvent& stored);
  std::size_t bytes() const { return rows_.size(); }
  // The array; nothing can be added after it.
  const std::string& finish();

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
  static Value value_of(const JsonValue& found);
  Value field(EventField field, const TargetColumn& column, const StoredEvent& stored,
              const JsonText& payload, const JsonText& headers) const;
  static PgResult<void> check_members(const TargetColumn& column, const Value& value);
  PgResult<void> member(std::size_t index, const TargetColumn& column, const Value& value);

  const TableMapping& mapping_;
  std::vector<TargetColumn> columns_;  // of the mapping's columns, in their order
  std::vector<JsonPointer> pointers_;  // of those that have one, in their order
  const std::string& agent_id_;
  std::string rows_{"["};
  std::uint64_t count_ = 0;
};

}  // namespace hookspool::net
