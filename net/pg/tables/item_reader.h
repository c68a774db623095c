// Reads what fills the rows of a mapping out of one body: one row of a plain mapping, one for each element where it has
// for_each. One pass over the body, and one more for each "*"; memory beyond the body: what the mapping's pointers find.
// Immutable once made, so thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "net/json/json.h"
#include "net/pg/tables/mapping.h"
#include "net/pg/tables/mapping_json.h"

namespace hookspool::net {

class ItemReader {
 public:
  // What is found for one row; valid while each() calls.
  struct Item {
    std::uint64_t number = 0;                                    // within the body, from 0
    std::vector<std::size_t> indexes{};                          // one for each "*"
    std::vector<std::vector<std::optional<JsonValue>>> found{};  // by level
  };
  struct Walked {
    std::uint64_t items = 0;
    std::uint64_t missing = 0;    // places where a list was expected and is not
    std::string first_missing{};  // the first of them, as a pointer
    bool too_many = false;        // one level has more elements than items_max: not all were read
  };

  // `mapping` must outlive this.
  explicit ItemReader(const TableMapping& mapping);

  // Calls `take` for each row, in the order of the document, until it returns false.
  Walked each(const JsonText& body, const std::function<bool(const Item&)>& take) const;
  // What the mapping's column finds. REQUIRES: its source is a pointer.
  const std::optional<JsonValue>& of_column(const Item& item, std::size_t column) const {
    return at(item, columns_[column]);
  }
  // Does the mapping's `where` hold for it? `headers`: of the event.
  bool wanted(const Item& item, const JsonText& headers) const;
  // "/entry/1/messaging/0"; empty of a plain mapping.
  std::string shown(const Item& item) const;

 private:
  struct Slot {
    std::size_t level = 0, index = 0;
  };
  struct Walk;
  Slot add(const JsonPlace& place);
  bool visit(Walk& walk, std::size_t level) const;
  static const std::optional<JsonValue>& at(const Item& item, const Slot& slot) {
    return item.found[slot.level][slot.index];
  }

  const TableMapping& mapping_;
  std::size_t levels_ = 0;
  std::vector<std::vector<JsonPointer>>
      pointers_;               // by level; the last of each but the innermost: the next list
  std::vector<Slot> columns_;  // by column
  std::vector<Slot> where_;    // by place of the condition
};

}  // namespace hookspool::net
