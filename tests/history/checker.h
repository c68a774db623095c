// Holds a history against the promise: the invariants I1 to I12, each a function over plain data (facts.h). No clock, no I/O.
//
//   I1   acknowledged: a row or a dead letter, exactly once
//   I2   refused or unanswered: at most once ("recovered" where it is there)
//   I3   nothing that no client sent, and nothing that is no HTTP request
//   I4   the bytes and the headers as they were sent, under the id that was answered
//   I5   the order of each source that has one request open at a time; ids and numbers agree; epochs do not mix
//   I6   no (epoch, lane, number) twice; each watermark has everything up to it and nothing above it
//   I7   what the journal still holds is delivered, and each watermark is the journal's last number
//   I8   dead letters are the planted ones
//   I9   a watermark goes back only in a failover or a restore
//   I10  something is delivered every kStallSecondsMax while nothing is broken
//   I11  one delivery (a source's delivery id) is one event, and all its answers name it, whatever ended in between;
//        except where the agent has said that it cannot know (see may_have_forgotten() in check_repeats.cpp)
//   I12  each row of the events table has a number, each number of a feed is there once, and none is left out
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/history/result.h"

namespace hookspool::history {

inline constexpr std::int64_t kStallSecondsMax = 10;
// Dead letters that one change of a table may cause in a lane before it is held.
inline constexpr std::uint64_t kRefusedInARowMax = 20;

struct Verdict {
  struct Violation {
    std::string invariant;  // "I1"
    std::string text;       // for a reader
  };
  std::vector<Violation> examples;  // the first of each invariant
  std::uint64_t violations = 0;
  std::uint64_t sent = 0, acknowledged = 0, refused = 0, unanswered = 0, recovered = 0;
  std::uint64_t repeats = 0;                   // requests whose delivery had been sent before
  std::uint64_t repeated_in_another_life = 0;  // deliveries
  std::uint64_t rows = 0, dead_letters = 0, put_back = 0, journaled = 0, watermarks = 0;

  bool kept() const { return violations == 0; }
  bool breaks(const std::string& invariant) const;
  std::string text() const;
};

Verdict check(const Result& result);

}  // namespace hookspool::history
