// Events as they pass: what the lanes got since a place, oldest first. The journal itself is the buffer: numbers have no
// holes, so a reader that is slow misses nothing while events are retained, and what it does miss is counted. Nothing
// subscribes, so nothing in the way of an event knows of a reader.
// Thread-safe: no state of its own. Memory of an answer: kTailEventsMax events, kTailBytesMax and one event.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "agent/base/admin_result.h"
#include "storage/journal/journal.h"

namespace hookspool::agent {

inline constexpr std::size_t kTailEventsMax = 500;
inline constexpr std::size_t kTailBytesMax = 4u << 20;
// A reader that is further behind a source's newest event is taken there; how many that leaves out is counted.
inline constexpr std::uint64_t kTailBehindMax = 10'000;

// How far a reader has come with each lane. A lane that is not there is new: all of it is to come.
struct TailPlace {
  Uuid epoch;
  std::uint64_t seq = 0;
};
using TailPlaces = std::map<std::string, TailPlace>;

struct TailSlice {
  std::vector<EventPtr> events;  // by id
  std::uint64_t left_out = 0;    // too far behind, dropped by retention, or unreadable
  bool more = false;             // ask again at once
  TailPlaces places;             // where to go on
};

// The newest of each lane, or (`source`) of one, which need not exist yet.
TailPlaces tail_now(const storage::Journal& journal, const std::string& source);
// `turn`: counted up by the reader with each call: which lane is read first, so that long events of one keep no other back.
AdminResult<TailSlice> tail_after(const storage::Journal& journal, const std::string& source,
                                  const TailPlaces& places, std::uint64_t turn);

}  // namespace hookspool::agent
