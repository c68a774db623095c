// Walks along a retained run of a lane and yields what can be read, batch by batch, and each stretch of numbers that
// cannot be read as such: the one place that knows what to do after JournalError::kCorrupt.
// Not thread-safe; the journal outlives it. Blocks on the disk as Journal::read() does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/journal/journal.h"

namespace hookspool::agent {

class RunWalker {
 public:
  // Of one call of next().
  struct Limits {
    std::size_t events_max = 0;
    std::size_t bytes_max = 0;
    std::size_t numbers_max =
        0;  // looked at behind one that cannot be read; what lies further is for the next call
  };
  // Numbers in a row of which none can be read.
  struct Damage {
    std::uint64_t first_seq = 0, last_seq = 0;
    storage::JournalError error;  // about the first
    std::uint64_t count() const { return last_seq - first_seq + 1; }
  };
  struct Stretch {
    std::vector<EventPtr> events;  // gap-free, at least one; empty where there is damage
    std::optional<Damage> damage;
  };

  // From `from_seq`, or the oldest that is retained. A batch may reach beyond run.last_seq if the run has grown.
  RunWalker(const storage::Journal& journal, std::string lane, const storage::LaneRun& run,
            std::uint64_t from_seq);

  std::uint64_t next_seq() const { return next_seq_; }
  bool at_end() const { return next_seq_ > run_.last_seq; }
  // Moves past what it yields; after an error it stays where it is. kNotFound: no longer retained.
  // REQUIRES: !at_end()
  storage::JournalResult<Stretch> next(const Limits& limits);

 private:
  const storage::Journal& journal_;
  const std::string lane_;
  const storage::LaneRun run_;
  std::uint64_t next_seq_;
};

// "LOST: 3 events, numbers 4 to 6 of epoch ..., cannot be read from the journal: ..."
std::string describe(const RunWalker::Damage& damage, const Uuid& epoch);

}  // namespace hookspool::agent
