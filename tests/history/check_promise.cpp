// I1 to I4: every acknowledged event once, the others at most once, nothing else, and each as it was sent.
#include <algorithm>

#include "tests/history/facts.h"

namespace hookspool::history {

void check_acknowledged_once(const Facts& facts, Violations& violations) {
  for (const Send& send : facts.result.sends) {
    if (send.outcome != Outcome::kOk) continue;
    const auto found = facts.by_id.find(send.id);
    if (found == facts.by_id.end()) {
      violations.add("I1", "lost: " + name_of(send) + " was answered with id " + send.id + " in life " +
                               std::to_string(send.life));
    }
  }
  for (const auto& [id, landed] : facts.by_id) {
    if (landed.size() > 1) {
      violations.add("I1", "there " + std::to_string(landed.size()) + " times: " + name_of(*landed.front()));
    }
  }
}

void check_others_at_most_once(const Facts& facts, Verdict& verdict, Violations& violations) {
  for (const auto& [key, sends] : facts.by_key) {
    const auto there = facts.ids_by_key.find(key);
    if (there == facts.ids_by_key.end()) continue;
    std::uint64_t unclaimed = 0, without_promise = 0;
    for (const std::string& id : there->second) unclaimed += facts.by_answered_id.contains(id) ? 0u : 1u;
    for (const Send* send : sends) without_promise += send->outcome == Outcome::kOk ? 0u : 1u;
    verdict.recovered += std::min(unclaimed, without_promise);
    if (unclaimed > without_promise) {
      violations.add("I2", key + ": " + std::to_string(unclaimed) + " rows that no answer named, for " +
                               std::to_string(without_promise) + " requests without a 2xx");
    }
  }
}

void check_nothing_else(const Facts& facts, Violations& violations) {
  for (const Landed* landed : facts.all) {
    const auto found = facts.by_key.find(landed->key);
    if (found == facts.by_key.end()) {
      violations.add("I3", "no client sent " + name_of(*landed));
    } else if (found->second.front()->kind == Kind::kMalformed) {
      violations.add("I3", "no HTTP request, and stored: " + name_of(*landed));
    }
  }
}

void check_content(const Facts& facts, Violations& violations) {
  for (const Landed* landed : facts.all) {
    const auto found = facts.by_key.find(landed->key);
    if (found == facts.by_key.end()) continue;
    const Send& send = *found->second.front();
    if (landed->digest != send.digest) violations.add("I4", "other bytes than sent: " + name_of(*landed));
    if (landed->header != landed->key) {
      violations.add("I4", "header x-check is '" + landed->header + "': " + name_of(*landed));
    }
    if (landed->source != send.source)
      violations.add("I4", "of source " + landed->source + ": " + name_of(*landed));
    const auto answered = facts.by_answered_id.find(landed->id);
    if (answered != facts.by_answered_id.end() && answered->second->key() != landed->key) {
      violations.add("I4", name_of(*answered->second) + " was answered with the id of " + name_of(*landed));
    }
  }
}

}  // namespace hookspool::history
