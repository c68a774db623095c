// SQLite's allocator (sqlite.org/malloc.html section 5.1), made to fail at a given call. It is put in place before
// main(), as SQLite asks.
//
// Thread-safe. Allocations that are freed or made smaller never fail.
#pragma once

#include <cstdint>

namespace hookspool::testing {

class FailingHeap {
 public:
  // From now on, the nth allocation (1 is the next) fails, or all from there on.
  static void fail(std::uint64_t nth, bool from_then_on);
  // None fails any more. How many have since fail().
  static std::uint64_t heal();
};

}  // namespace hookspool::testing
