// Gives memory back when the agent has become idle: what malloc keeps for next time, and the pages of programs and
// libraries that only the start has needed (symbol tables, the set-up of TLS and Kerberos). Such a page comes back from
// the page cache when it is touched again, so the first request after a quiet time pays some microseconds.
// Not thread-safe; no errors: what cannot be given back stays.
#pragma once

#include <cstdint>
#include <optional>

namespace hookspool::agent {

class IdleMemory {
 public:
  static constexpr int kQuietRounds = 2;    // without work, before memory is given back
  static constexpr int kRoundsAgain = 150;  // and while it stays idle: upkeep and reconnections use some too

  // Every other second while nothing moves; `work` is any count that grows with what the agent does.
  void round(std::uint64_t work);

 private:
  std::optional<std::uint64_t> work_;
  int quiet_rounds_ = 0;
};

// What round() does. The pages of text and constants of every loaded object are unmapped, not those that are written to.
void give_memory_back();

}  // namespace hookspool::agent
