#include "agent/alerts/alerts.h"

namespace hookspool::agent {

// A destination that is added later is notified of what is wrong then.
bool Alerts::wanted() {
  if (config_.get()->sends_anything()) return true;
  transitions_ = {};
  return false;
}

void Alerts::look(const AlertFacts& facts, const AlertRules::Now& now) {
  const auto wrong = rules_.look(facts, *config_.get(), now);
  for (const Alert& alert : transitions_.look(wrong, now.time, now.wall_clock_us)) sender_.add(alert);
}

}  // namespace hookspool::agent
