// When the oldest event of each lane that waits for PostgreSQL was received. Reads one event from the journal, and again only
// when the lane has moved on: an outage costs one read a lane.
// Thread-safe: one question at a time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "storage/base/mutex.h"
#include "storage/journal/journal.h"

namespace hookspool::agent {

class OldestPending {
 public:
  explicit OldestPending(const storage::Journal& journal) : journal_(journal) {}

  // received_at of the event, by the wall clock of its time. Nothing: none waits, or it cannot be read at the moment.
  std::optional<std::int64_t> received_at_us(const std::string& lane) EXCLUDES(mutex_);

 private:
  struct Known {
    Uuid epoch;
    std::uint64_t seq = 0;
    std::int64_t received_at_us = 0;
  };

  const storage::Journal& journal_;
  Mutex mutex_;
  std::map<std::string, Known> known_
      GUARDED_BY(mutex_);  // one a lane of the journal, which bounds their number
};

}  // namespace hookspool::agent
