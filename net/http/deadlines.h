// Deadlines of many connections, cheap when they are moved far more often than they are missed.
//
// A connection has one deadline and at most one entry here. Moving the deadline later, or clearing it,
// touches only the connection's Timer; the entry is looked at again when its old time has come. So a
// kept-alive connection that is used thousands of times a second costs one entry every idle_deadline. Not
// thread-safe: belongs to the loop. Times are of the monotonic clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>

namespace hookspool::net {

using Clock = std::chrono::steady_clock;

struct Timer {
  Clock::time_point due = Clock::time_point::max();     // max: none
  Clock::time_point queued = Clock::time_point::max();  // where its entry stands; max: nowhere
};

class Deadlines {
 public:
  void set(std::uint64_t id, Timer& timer, Clock::time_point due);
  static void clear(Timer& timer) { timer.due = Clock::time_point::max(); }
  // For a connection that goes away.
  void remove(std::uint64_t id, Timer& timer);

  // Takes out the first entry whose time has come. The caller hands its timer to settle().
  std::optional<std::uint64_t> pop(Clock::time_point now);
  // True if the deadline has passed; else the entry is put where the deadline is now.
  bool settle(std::uint64_t id, Timer& timer, Clock::time_point now);

  // When to look again; max: nothing to wait for.
  Clock::time_point next() const;

 private:
  std::set<std::pair<Clock::time_point, std::uint64_t>> entries_;
};

}  // namespace hookspool::net
