#include "agent/upkeep/consumer_watch.h"

#include <utility>

#include "agent/base/wall_clock.h"

namespace hookspool::agent {
namespace {

// A lane that wants a connection meanwhile finds another one, or room for one; or none is at work.
bool has_one_to_spare(const net::PoolStats& pool) {
  return pool.idle > 0 && (pool.in_use == 0 || pool.in_use + 1 < pool.size);
}

}  // namespace

void ConsumerWatch::round(Clock::time_point now) {
  if (now < next_ || !has_one_to_spare(pool_.stats())) return;
  next_ = now + kReadEvery;
  auto lease = pool_.acquire(now + kAnswerMax);
  if (!lease) return;  // an outage is the prober's
  auto totals = net::read_consumer_totals(
      **lease, pool_.options(),
      {.agent_id = agent_id_, .consumers_max = kConsumersMax, .statement_max = kStatementMax},
      now + 2 * kAnswerMax);
  // Without the right to look there are no figures; METRICS.md says so.
  if (!totals) return;
  const MutexLock lock(mutex_);
  seen_ = Seen{std::move(*totals), wall_clock_us()};
  seen_at_ = Clock::now();
}

std::optional<ConsumerWatch::Seen> ConsumerWatch::seen(Clock::time_point now) const {
  const MutexLock lock(mutex_);
  if (now - seen_at_ > kKeptFor) return std::nullopt;
  return seen_;
}

}  // namespace hookspool::agent
