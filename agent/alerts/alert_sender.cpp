#include "agent/alerts/alert_sender.h"

#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/log.h"
#include "agent/base/random.h"

namespace hookspool::agent {
namespace {

constexpr std::chrono::seconds kPauseAfterException{1};
constexpr std::chrono::hours kLongWait{24};  // until something is added

}  // namespace

AlertSender::AlertSender(const Current<AlertsConfig>& config, AlertOrigin origin)
    : config_(config), origin_(std::move(origin)) {}

AlertSender::~AlertSender() {
  {
    const MutexLock lock(mutex_);
    ending_ = true;
  }
  cancellation_.cancel();
  changed_.notify_all();
}

void AlertSender::start() {
  thread_.start("alerts", [this] { run(); });
}

void AlertSender::add(const Alert& alert) {
  const auto config = config_.get();
  {
    const MutexLock lock(mutex_);
    if (ending_) return;
    for (std::size_t i = 0; i < kCount; ++i) {
      if (is_configured(kAlertDestinations[i], *config))
        lines_[i].outbox.add({new_alert_id(), alert}, Clock::now());
    }
    is_new_ = true;
  }
  changed_.notify_all();
}

bool AlertSender::stop(std::chrono::milliseconds grace) {
  {
    const MutexLock lock(mutex_);
    ending_ = true;
  }
  cancellation_.cancel();
  changed_.notify_all();
  const bool ended = thread_.join(grace);
  if (!ended) return false;
  {
    const MutexLock lock(mutex_);
    for (Line& line : lines_) line.outbox.drop_all();
  }
  log_drops(*config_.get(), Clock::now(), true);
  return true;
}

// What a step throws costs that step; the alert that it was about is tried again.
void AlertSender::run() {
  for (;;) {
    bool failed = false;
    try {
      step();
    } catch (const std::exception& error) {
      failed = true;
      log_error(std::string("alerts: a try was not done to its end: ") + error.what());
    }
    const MutexLock lock(mutex_);
    if (ending_) return;
    if (failed)
      changed_.wait_for(mutex_, kPauseAfterException, [this]() REQUIRES(mutex_) { return ending_; });
  }
}

void AlertSender::step() {
  const auto config = config_.get();
  const auto now = Clock::now();
  std::optional<Due> due;
  {
    const MutexLock lock(mutex_);
    is_new_ = false;
    due = next_due(*config, now);
  }
  if (due) send(*due, *config);
  log_drops(*config, Clock::now(), false);
  if (due) return;
  const MutexLock lock(mutex_);
  changed_.wait_until(mutex_, next_look().value_or(now + kLongWait),
                      [this]() REQUIRES(mutex_) { return is_new_ || ending_; });
}

std::optional<AlertSender::Due> AlertSender::next_due(const AlertsConfig& config, Clock::time_point now) {
  for (std::size_t i = 0; i < kCount; ++i) {
    AlertOutbox& outbox = lines_[i].outbox;
    if (!is_configured(kAlertDestinations[i], config)) outbox.drop_all();  // removed by a reload
    if (auto item = outbox.next(now)) return Due{i, std::move(*item)};
  }
  return std::nullopt;
}

std::optional<AlertSender::Clock::time_point> AlertSender::next_look() const {
  std::optional<Clock::time_point> earliest;
  for (const Line& line : lines_) {
    const auto due = line.outbox.due();
    if (due && (!earliest || *due < *earliest)) earliest = due;
  }
  return earliest;
}

void AlertSender::send(const Due& due, const AlertsConfig& config) {
  const AlertDestination destination = kAlertDestinations[due.line];
  const AlertSending sending =
      send_alert(destination, config, due.item.id, due.item.alert, origin_, cancellation_);
  bool news = false;
  {
    const MutexLock lock(mutex_);
    if (ending_ && !sending.sent) return;
    Line& line = lines_[due.line];
    if (sending.sent) {
      line.outbox.sent(due.item.id);
    } else {
      line.outbox.failed(Clock::now(), random_unit());
    }
    news = line.failing == sending.sent;
    line.failing = !sending.sent;
  }
  if (!news) return;
  const std::string where = "alerts: " + shown_destination(destination, config);
  if (sending.sent) {
    log_info(where + " takes them again");
  } else {
    log_warn(where + ": " + sending.came_back + "; it is tried again for up to an hour");
  }
}

void AlertSender::log_drops(const AlertsConfig& config, Clock::time_point now, bool at_once) {
  if (now < next_drop_line_ && !at_once) return;
  std::array<std::uint64_t, kCount> dropped{};
  {
    const MutexLock lock(mutex_);
    for (std::size_t i = 0; i < kCount; ++i) dropped[i] = lines_[i].outbox.take_dropped();
  }
  for (std::size_t i = 0; i < kCount; ++i) {
    if (dropped[i] == 0) continue;
    next_drop_line_ = now + kDropsLoggedEvery;
    const std::string what = "alerts: " + std::to_string(dropped[i]) + " dropped, ";
    if (is_configured(kAlertDestinations[i], config)) {
      log_warn(what + "which " + shown_destination(kAlertDestinations[i], config) + " did not take in time");
    } else {
      log_warn(what + "for a reload removed their " + std::string(destination_name(kAlertDestinations[i])));
    }
  }
}

}  // namespace hookspool::agent
