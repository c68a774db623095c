// Sends alerts, by a thread of its own: one queue for each destination (alert_outbox.h), so that one that does not answer keeps
// the other from nothing but a few seconds. A change of the configuration counts from the next try on. Failures are
// logged when they begin and when they are over, with the number of alerts that were dropped.
// Thread-safe, but for start() and stop(), which belong to the main thread.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

#include "agent/alerts/alert_destination.h"
#include "agent/alerts/alert_outbox.h"
#include "agent/base/current.h"
#include "agent/base/owned_threads.h"
#include "storage/base/mutex.h"

namespace hookspool::agent {

class AlertSender {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kDropsLoggedEvery{10};

  // `config` must outlive this.
  AlertSender(const Current<AlertsConfig>& config, AlertOrigin origin);
  ~AlertSender();  // waits for the try that is running
  AlertSender(const AlertSender&) = delete;
  AlertSender& operator=(const AlertSender&) = delete;

  void start();
  // To each destination that is configured. Waits for nothing but a short lock.
  void add(const Alert& alert) EXCLUDES(mutex_);
  // Cancels what is being sent and drops what waits, with a line in the log. False: a try outlasts `grace`.
  bool stop(std::chrono::milliseconds grace) EXCLUDES(mutex_);

 private:
  static constexpr std::size_t kCount = std::size(kAlertDestinations);
  struct Line {
    AlertOutbox outbox;
    bool failing = false;
  };
  struct Due {
    std::size_t line;
    AlertOutbox::Item item;
  };

  void run() EXCLUDES(mutex_);
  void step() EXCLUDES(mutex_);
  std::optional<Due> next_due(const AlertsConfig& config, Clock::time_point now) REQUIRES(mutex_);
  std::optional<Clock::time_point> next_look() const REQUIRES(mutex_);
  void send(const Due& due, const AlertsConfig& config) EXCLUDES(mutex_);
  void log_drops(const AlertsConfig& config, Clock::time_point now, bool at_once) EXCLUDES(mutex_);

  const Current<AlertsConfig>& config_;
  const AlertOrigin origin_;
  net::Cancellation cancellation_;
  Mutex mutex_;
  CondVar changed_;
  std::array<Line, kCount> lines_ GUARDED_BY(mutex_);
  bool is_new_ GUARDED_BY(mutex_) = false;  // something was added since the last look
  bool ending_ GUARDED_BY(mutex_) = false;
  Clock::time_point next_drop_line_{};  // of the thread
  OwnedThreads thread_;                 // last: it uses all of the above
};

}  // namespace hookspool::agent
