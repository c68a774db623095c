// Gives back to the system what malloc keeps for later, when the agent has become idle.
//
// Only free memory: the pages of programs and libraries stay. To unmap those would save several MiB of resident memory,
// but each would then have to be read again, and on a disk that has failed that is a stall or SIGBUS.
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

}  // namespace hookspool::agent
