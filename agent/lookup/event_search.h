// Looking for retained events, newest first, a little at a time: a slice ends after kSliceTime or with enough found, and
// says where the next one goes on. It reads block by block, as a lane that catches up does, and holds nothing in
// between, so that neither intake nor delivery ever waits for it. Memory: one block of events, and what was found.
// Thread-safe: no state of its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/admin_result.h"
#include "agent/lookup/event_criteria.h"
#include "storage/journal/journal.h"

namespace hookspool::agent {

// A retained event without its headers and its body.
struct FoundEvent {
  Uuid id, epoch;
  std::uint64_t seq = 0;
  Event event;  // `headers` and `body` are empty
  std::uint64_t body_bytes = 0;
  bool passed = false;  // PostgreSQL is known to have passed its number
};

struct EventSearchRequest {
  // Below this number of this epoch of this lane, then its older epochs, then the lanes behind it by name. No lane: from the
  // start.
  struct Place {
    std::string lane;
    Uuid epoch;
    std::uint64_t seq = 0;
    std::uint64_t found = 0;  // of that lane so far
  };
  EventCriteria criteria;
  std::uint64_t per_source = 1;  // the newest of each source that are wanted; at least 1
  std::optional<Place> after;
};

struct EventSearchSlice {
  std::vector<FoundEvent> events;  // each source's newest first
  std::uint64_t looked_at = 0;
  std::uint64_t unreadable = 0;                    // damaged: whether they were wanted is unknown
  std::optional<EventSearchRequest::Place> after;  // nothing: all was looked at
};

class EventSearch {
 public:
  static constexpr std::chrono::milliseconds kSliceTime{250};
  static constexpr std::size_t kFoundMax = 500;        // in one slice; a block's may be above it
  static constexpr std::size_t kBlockEventsMax = 256;  // read at once, and fewer where they are long:
  static constexpr std::size_t kBlockBytesMax = 4u << 20;
  static constexpr std::size_t kDamagedNumbersMax = 1'000;  // looked at in one go for one that can be read

  explicit EventSearch(const storage::Journal& journal) : journal_(journal) {}
  // 404: no such source.
  AdminResult<EventSearchSlice> run(const EventSearchRequest& request) const;
  // The event with this id where it was accepted, by halving each run: ids grow with the numbers, but for what was put
  // back or admitted from the quarantine, which only run() finds. `source`: empty: any.
  AdminResult<EventPtr> find_accepted(const Uuid& id, const std::string& source) const;

 private:
  struct Work;
  AdminResult<void> search_lane(Work& work, const std::string& lane) const;
  AdminResult<bool> search_run(Work& work, const std::string& lane, const storage::LaneRun& run,
                               std::uint64_t below) const;
  AdminResult<bool> search_block(Work& work, const std::string& lane, const storage::LaneRun& run,
                                 std::uint64_t first, std::uint64_t below) const;
  EventPtr accepted_near(const std::string& lane, const storage::LaneRun& run, std::uint64_t seq) const;
  EventPtr find_in_run(const Uuid& id, const std::string& lane, const storage::LaneRun& run) const;

  const storage::Journal& journal_;
};

// As EventSearch shows it. `run`: the one that it is in.
FoundEvent found_event(const StoredEvent& stored, const storage::LaneRun& run);

}  // namespace hookspool::agent
