#include "agent/metrics/oldest_pending.h"

#include <algorithm>

namespace hookspool::agent {

std::optional<std::int64_t> OldestPending::received_at_us(const std::string& lane) {
  const MutexLock lock(mutex_);
  for (const storage::LaneRun& run : journal_.runs(lane)) {  // oldest first
    const std::uint64_t next = std::max(run.confirmed.seq + 1, run.first_seq);
    if (next > run.last_seq) continue;
    Known& known = known_[lane];
    if (known.epoch == run.epoch && known.seq == next) return known.received_at_us;
    const auto read = journal_.read(lane, run.epoch, next, 1, 1);
    if (!read || read->empty()) return std::nullopt;
    known = {run.epoch, next, read->front()->event.received_at_us};
    return known.received_at_us;
  }
  known_.erase(lane);
  return std::nullopt;
}

}  // namespace hookspool::agent
