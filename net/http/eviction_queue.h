// Eviction of connections when there is no room for a new one, and how many connections each address has.
//
// Connections stand in the order in which they last made progress. When all places are taken the least recently
// productive one is evicted: a silent or dripping client keeps a place only until another client needs it, so it
// cannot block the listener. One that is with a worker is never evicted. Not thread-safe: belongs
// to the loop. Times are of the monotonic clock.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <unordered_map>

#include "net/http/deadlines.h"
#include "net/http/ip_address.h"

namespace hookspool::net {

class EvictionQueue {
 public:
  // In the order of eviction; within one class the oldest first.
  enum class Rank : std::size_t {
    kLeaving,   // answered for the last time; only the client's end is missing
    kNewcomer,  // no request answered yet: silent, or its first one drips in
    kRegular,   // answered before; idle, or a request drips in, or it does not read its answer
    kBusy,      // with a worker
  };
  struct Entry {
    std::uint64_t id;
    Clock::time_point since;
    Rank rank;
  };
  using Place = std::list<Entry>::iterator;

  Place add(std::uint64_t id, Clock::time_point now);  // as a newcomer
  void move(Place place, Rank rank, Clock::time_point now);
  void remove(Place place);
  // Who leaves next, if one has been idle for `least`: a crowd of newcomers must get the time to
  // say what they want.
  std::optional<std::uint64_t> next_to_evict(Clock::time_point now, Clock::duration least) const;
  // The same among those that hold what is short.
  std::optional<std::uint64_t> next_to_evict(Clock::time_point now, Clock::duration least,
                                             const std::function<bool(std::uint64_t)>& holds) const;

 private:
  static constexpr std::size_t kRanks = 4;
  std::array<std::list<Entry>, kRanks> ranks_;
};

class AddressCounts {
 public:
  // False: the address has `most` already. 0: no limit.
  bool try_add(const IpAddress& holder, std::size_t most);
  void remove(const IpAddress& holder);

 private:
  std::unordered_map<IpAddress, std::size_t, IpAddressHash> counts_;
};

}  // namespace hookspool::net
