// How long closed segments have been there, in time that the agent ran: counted by the steady clock and carried over
// restarts in a note of the journal. So a wall clock that jumps, in either direction, ages nothing, and an agent that
// was switched off for a year does not drop a year's history when it starts. Not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hookspool::agent {

class SegmentAge {
 public:
  using milliseconds = std::chrono::milliseconds;

  // What text() gave; anything else begins anew, which keeps what is there for once more keep_delivered.
  static SegmentAge parse(std::string_view text);
  std::string text() const;

  // `passed` since the last call; the greatest number of a closed segment now.
  void advance(milliseconds passed, std::uint64_t newest_closed, milliseconds keep);
  // Segments up to this number have been closed for at least `keep`, and not much longer.
  std::uint64_t aged_up_to(milliseconds keep) const;

 private:
  // At that time all segments up to this number were closed.
  struct Mark {
    std::int64_t at_ms = 0;
    std::uint64_t segment = 0;
  };
  static constexpr std::size_t kMarksMax = 80;  // so that the note stays short
  static constexpr int kMarksInKeep = 32;       // how finely it is counted

  std::int64_t now_ms_ = 0;
  std::vector<Mark> marks_;  // ascending in both
};

}  // namespace hookspool::agent
