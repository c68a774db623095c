// What TLS handshakes may cost. Each is work for the loop's one thread, at an unauthenticated client's request, so it is paid from a
// budget of processor time: one in all, so that connections that are there are served, and one for each address, so that
// one client cannot use up what the others need. A handshake that finds nothing left waits for its turn.
//
// Times are of the monotonic clock; costs are processor time. Not thread-safe: belongs to the loop.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <unordered_map>

#include "net/http/deadlines.h"
#include "net/http/ip_address.h"

namespace hookspool::net {

class HandshakeBudget {
 public:
  static constexpr double kShareInAll = 0.5;  // of the thread's time
  static constexpr double kShareOfAddress =
      0.1;  // of the thread's time, for an IPv4 address or a /64 of IPv6
  static constexpr std::chrono::milliseconds kBurstInAll{500};  // processor time at once, after a pause
  static constexpr std::chrono::milliseconds kBurstOfAddress{200};
  static constexpr std::size_t kAddressesMax =
      65'536;  // remembered; beyond them only the budget in all counts

  // When the next handshake of `holder` may begin; its usual cost is taken at once. Nothing: not within `patience`, and
  // nothing was taken. `holder`: nothing for those without a limit of their own.
  std::optional<Clock::time_point> reserve(const std::optional<IpAddress>& holder, Clock::time_point now,
                                           Clock::duration patience);
  // When one more may begin, as far as all of them together are concerned.
  Clock::time_point next() const { return free_at_ - of_thread(kBurstInAll, kShareInAll); }
  // What a step of a handshake has cost. `begun`: it was the first step, whose usual cost was taken by reserve().
  void charge(const std::optional<IpAddress>& holder, Clock::time_point now, Clock::duration cost,
              bool begun);
  std::size_t addresses() const { return free_at_of_.size(); }

 private:
  template <class Cost>
  static Clock::duration of_thread(Cost cost, double share) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(cost) / share);
  }
  void forget_rested(Clock::time_point now);

  Clock::duration usual_cost_ = std::chrono::milliseconds(1);
  Clock::time_point free_at_{};  // when all that was spent is earned again
  std::unordered_map<IpAddress, Clock::time_point, IpAddressHash> free_at_of_;
  std::size_t forget_at_ = 1024;  // entries
};

}  // namespace hookspool::net
