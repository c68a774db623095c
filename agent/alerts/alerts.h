// Alerts without Prometheus: what begins and what is over, decided from the agent's figures and sent to the destinations of the
// configuration. Works while PostgreSQL is away; nothing of an event's way waits for it.
//
// Not thread-safe: look() belongs to one thread, start() and stop() to the main thread; stop() may come while look() runs.
#pragma once

#include <chrono>

#include "agent/alerts/alert_facts.h"
#include "agent/alerts/alert_rules.h"
#include "agent/alerts/alert_sender.h"
#include "agent/alerts/alert_transitions.h"
#include "agent/base/current.h"

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
  void look(const AlertFacts& facts, const AlertRules::Now& now);

 private:
  const Current<AlertsConfig>& config_;
  AlertRules rules_;
  AlertTransitions transitions_;
  AlertSender sender_;
};

}  // namespace hookspool::agent
