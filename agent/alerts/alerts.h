// Alerts without Prometheus: what begins and what is over, decided from the agent's figures and sent to the destinations of the
// configuration. Works while PostgreSQL is away; nothing of an event's way waits for it.
//
// look() and wanted() belong to one thread, start() and stop() to the main thread; stop() may come while look() runs.
// known_sources() and restore_sources() are thread-safe.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "agent/alerts/alert_facts.h"
#include "agent/alerts/alert_rules.h"
#include "agent/alerts/alert_sender.h"
#include "agent/alerts/alert_transitions.h"
#include "agent/base/current.h"
#include "storage/base/mutex.h"

namespace hookspool::agent {

class Alerts {
 public:
  // `config` must outlive this.
  Alerts(const Current<AlertsConfig>& config, AlertOrigin origin)
      : config_(config), sender_(config, std::move(origin)) {}

  void start() { sender_.start(); }
  // No alert is sent any more; what waits is dropped. False: a try outlasts `grace`.
  bool stop(std::chrono::milliseconds grace) { return sender_.stop(grace); }

  // Is there a destination? Without one look() does nothing, and its figures need not be gathered.
  bool wanted();
  // About once a second.
  void look(const AlertFacts& facts, const AlertRules::Now& now) EXCLUDES(mutex_);

  // What was learned of the sources' pauses, kKnownEvery ago at most. Nothing: no look has been taken.
  std::optional<std::vector<SilentSources::Known>> known_sources() const EXCLUDES(mutex_);
  // What an earlier process had learned; counts from the next look on.
  void restore_sources(std::vector<SilentSources::Known> known) EXCLUDES(mutex_);

 private:
  static constexpr std::chrono::seconds kKnownEvery{60};
  void exchange_known(AlertRules::TimePoint now) EXCLUDES(mutex_);

  const Current<AlertsConfig>& config_;
  AlertRules rules_;
  AlertTransitions transitions_;
  AlertSender sender_;
  AlertRules::TimePoint next_known_{};

  mutable Mutex mutex_;
  std::optional<std::vector<SilentSources::Known>> restored_ GUARDED_BY(mutex_), known_ GUARDED_BY(mutex_);
};

}  // namespace hookspool::agent
