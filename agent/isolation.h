// Finding the one event that PostgreSQL refuses, so that the others go on: halve the batch until it is alone,
// try it alone once more, then bury it. And noticing when it is not the event at all but the table.
// Not thread-safe: belongs to a lane's step. Pure: no clock, no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "storage/model/event.h"

namespace hookspool::agent {

class Isolation {
 public:
  // This many refused in a row, and nothing let in between: the table has changed, not the events.
  static constexpr std::size_t kBuriedInARowMax = 20;
  static constexpr unsigned kTriesAlone = 2;

  enum class Verdict { kTryAgain, kBury, kHold };

  // How many events the next batch may have; SIZE_MAX when nothing is suspected.
  std::size_t batch_limit() const { return limit_; }

  // A batch of `count` events from `first_seq` on was refused for an event's fault.
  Verdict refused(std::uint64_t first_seq, std::size_t count);
  // A batch up to `last_seq` went in. Answers what had been buried in a row before, if that was so many that the
  // lane was held: the table has been mended, and they may be put back.
  std::vector<EventPtr> delivered(std::uint64_t last_seq);
  void buried(EventPtr event);

 private:
  std::size_t limit_ = SIZE_MAX;
  std::uint64_t suspect_until_seq_ = 0;
  std::uint64_t alone_seq_ = 0;
  unsigned tries_alone_ = 0;
  std::vector<EventPtr> in_a_row_;  // at most kBuriedInARowMax
};

}  // namespace hookspool::agent
