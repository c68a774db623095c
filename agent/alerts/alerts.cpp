#include "agent/alerts/alerts.h"

#include <utility>

namespace hookspool::agent {

// A destination that is added later is notified of what is wrong then.
bool Alerts::wanted() {
  if (config_.get()->sends_anything()) return true;
  transitions_ = {};
  return false;
}

void Alerts::exchange_known(AlertRules::TimePoint now) {
  const MutexLock lock(mutex_);
  if (restored_) rules_.restore_sources(*restored_, now);
  restored_.reset();
  if (now < next_known_) return;
  next_known_ = now + kKnownEvery;
  known_ = rules_.known_sources(now);
}

std::optional<std::vector<SilentSources::Known>> Alerts::known_sources() const {
  const MutexLock lock(mutex_);
  return known_;
}

void Alerts::restore_sources(std::vector<SilentSources::Known> known) {
  const MutexLock lock(mutex_);
  restored_ = std::move(known);
}

void Alerts::look(const AlertFacts& facts, const AlertRules::Now& now) {
  exchange_known(now.time);
  const auto wrong = rules_.look(facts, *config_.get(), now);
  for (const Alert& alert : transitions_.look(wrong, now.time, now.wall_clock_us)) sender_.add(alert);
}

}  // namespace hookspool::agent
