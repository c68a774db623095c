// What became no row, although its event was delivered. Plain values.
#pragma once

#include <cstdint>

namespace hookspool::net {

struct RowCounts {
  std::uint64_t items_empty = 0;    // events for which for_each found no element
  std::uint64_t items_missing = 0;  // places where for_each expected a list and found none
  std::uint64_t rows_filtered = 0;  // rows that `where` leaves out

  RowCounts& operator+=(const RowCounts& other) {
    items_empty += other.items_empty;
    items_missing += other.items_missing;
    rows_filtered += other.rows_filtered;
    return *this;
  }
  bool operator==(const RowCounts&) const = default;
};

}  // namespace hookspool::net
