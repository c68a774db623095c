// Which events are tried as a proof that a table takes rows while it refuses one: those that wait behind it, in its run
// and then in later ones. Each is tried once, however often the lane comes back; so a long row of refused events
// is gone through once.
// Not thread-safe: belongs to the lane's step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "agent/delivery/lane_core.h"
#include "storage/journal/journal.h"

namespace hookspool::agent {

class ProofSearch {
 public:
  explicit ProofSearch(const LaneCore& core) : core_(core) {}

  // What waits behind number `refused_seq` of `run` and has not been tried; none: there is no more yet.
  // `ask_again`: the event that was taken last may be tried once more, for it is the best candidate there is.
  storage::JournalResult<std::vector<EventPtr>> next(const storage::LaneRun& run, std::uint64_t refused_seq,
                                                     bool ask_again);
  void tried(const StoredEvent& event);
  void taken(const StoredEvent& event);
  // Tried since the lane last waited; exhausted: it waits before it goes on.
  std::size_t events_tried() const { return events_; }
  bool exhausted() const;
  void restart() { events_ = bytes_ = 0; }

 private:
  const LaneCore& core_;
  Uuid epoch_;             // of the last that was tried
  std::uint64_t seq_ = 0;  // of the same
  std::size_t events_ = 0, bytes_ = 0;
  std::optional<std::pair<Uuid, std::uint64_t>> taken_;  // epoch and number
};

}  // namespace hookspool::agent
