#include "agent/upkeep/watchdog.h"

#include <algorithm>

namespace hookspool::agent {
namespace {

constexpr Watchdog::milliseconds kTickMin{100};

}  // namespace

Watchdog::milliseconds Watchdog::tick() const {
  if (interval_ <= milliseconds(0)) return kStalledAfterMin;
  return std::clamp(interval_ / 4, kTickMin, kStalledAfterMin);
}

Watchdog::Verdict Watchdog::judge(Clock::time_point now, Clock::time_point last_round, bool at_disk) {
  Verdict verdict;
  verdict.stalled = now - last_round > std::max(2 * interval_, kStalledAfterMin) && !at_disk;
  verdict.stall_is_new = verdict.stalled && !was_stalled_;
  was_stalled_ = verdict.stalled;
  if (verdict.stalled || interval_ <= milliseconds(0) || now < next_feed_) return verdict;
  verdict.feed = true;
  next_feed_ = now + interval_ - tick();
  return verdict;
}

}  // namespace hookspool::agent
