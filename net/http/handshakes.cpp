#include "net/http/handshakes.h"

#include <algorithm>

namespace hookspool::net {

std::optional<Clock::time_point> HandshakeBudget::reserve(const std::optional<IpAddress>& holder,
                                                          Clock::time_point now, Clock::duration patience) {
  if (!holder) return now;
  if (free_at_of_.size() >= forget_at_) forget_rested(now);
  auto found = free_at_of_.find(*holder);
  if (found == free_at_of_.end()) {
    if (free_at_of_.size() >= kAddressesMax) return now;
    found = free_at_of_.emplace(*holder, now).first;
  }
  Clock::time_point& free_at = found->second;
  free_at = std::max(free_at, now);
  const Clock::time_point begin = std::max(now, free_at - of_thread(kBurstOfAddress, kShareOfAddress));
  if (begin > now + patience) return std::nullopt;
  free_at += of_thread(usual_cost_, kShareOfAddress);
  return begin;
}

void HandshakeBudget::charge(const std::optional<IpAddress>& holder, Clock::time_point now,
                             Clock::duration cost, bool begun) {
  free_at_ = std::max(free_at_, now) + of_thread(cost, kShareInAll);
  if (holder) {
    // No first sight: an address that was forgotten meanwhile has earned all that it spent.
    const auto found = free_at_of_.find(*holder);
    const Clock::duration taken = begun ? usual_cost_ : Clock::duration::zero();
    if (found != free_at_of_.end()) found->second += of_thread(cost - taken, kShareOfAddress);
  }
  if (begun) usual_cost_ += (cost - usual_cost_) / 8;
}

void HandshakeBudget::forget_rested(Clock::time_point now) {
  std::erase_if(free_at_of_, [&](const auto& entry) { return entry.second <= now; });
  forget_at_ = std::max<std::size_t>(1024, 2 * free_at_of_.size());
}

}  // namespace hookspool::net
