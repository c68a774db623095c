#include "agent/alerts/alert_transitions.h"

namespace hookspool::agent {

std::vector<Alert> AlertTransitions::look(const std::vector<Condition>& wrong, TimePoint now,
                                          std::int64_t wall_clock_us) {
  std::vector<Alert> news;
  for (const Condition& condition : wrong) {
    const auto key = std::pair(condition.kind, condition.subject);
    const auto known = open_.find(key);
    if (known != open_.end()) {
      known->second.seen_at = now;
      continue;
    }
    if (open_.size() >= kOpenMax) continue;
    Alert begun{condition, false, wall_clock_us, wall_clock_us};
    news.push_back(begun);
    open_.emplace(key, Open{std::move(begun), now});
  }
  for (auto at = open_.begin(); at != open_.end();) {
    Open& open = at->second;
    if (now - open.seen_at < kOverAfter) {
      ++at;
      continue;
    }
    Alert over = std::move(open.begun);
    over.resolved = true;
    over.at_us = wall_clock_us;
    news.push_back(std::move(over));
    at = open_.erase(at);
  }
  return news;
}

}  // namespace hookspool::agent
