#include "agent/delivery/lane_report.h"

#include <utility>

#include "agent/base/backoff.h"
#include "agent/base/log.h"

namespace hookspool::agent {
namespace {

// What is logged once; an error without a SQLSTATE is the journal's.
std::string reason_of(const net::PgError& error) {
  return error.sqlstate.empty() ? "journal" : error.sqlstate;
}

std::string with_hint(const net::PgError& error) {
  return error.text + (error.hint.empty() ? "" : "\n" + error.hint);
}

}  // namespace

LaneReport::LaneReport(std::string name, const TimeSource& time, Draw draw)
    : name_(std::move(name)), time_(time), draw_(draw) {
  const MutexLock lock(mutex_);
  status_.name = name_;
  status_.state = "waiting";
}

LaneStep LaneReport::uplink_down(const net::PgError& error) {
  const MutexLock lock(mutex_);
  status_.state = "waiting";
  status_.error = error.text;
  status_.sqlstate = error.sqlstate;
  status_.may_quote = error.may_quote;
  return LaneStep::uplink_down(error);
}

LaneStep LaneReport::retry(const net::PgError& error, milliseconds least, milliseconds most) {
  std::string news;
  LaneStep step;
  {
    const MutexLock lock(mutex_);
    status_.state = "waiting";
    set_error(error);
    next_try_ = time_.now() + backoff_delay(least, most, status_.tries_failed, draw_());
    status_.tries_failed += 1;
    // One line for each reason, and none for what passes by itself at once.
    if (status_.tries_failed >= LaneStatus::kTriesBeforeStuck && logged_waiting_ != reason_of(error)) {
      logged_waiting_ = reason_of(error);
      news = "lane " + name_ + " waits and tries again: " + with_hint(error);
    }
    step = LaneStep::later(next_try_);
  }
  if (!news.empty()) log_warn(news);
  return step;
}

LaneStep LaneReport::hold(const net::PgError& error, milliseconds most) {
  const auto half = most / 2;
  std::string news;
  LaneStep step;
  {
    const MutexLock lock(mutex_);
    if (status_.state != "held" || status_.error != error.text) {
      news = "lane " + name_ + " is held: " + with_hint(error);
    }
    status_.state = "held";
    set_error(error);
    status_.tries_failed += 1;
    next_try_ = time_.now() + half + backoff_delay(half, half, 0, draw_());
    step = LaneStep::later(next_try_);
  }
  if (!news.empty()) log_error(news);
  return step;
}

void LaneReport::succeeded(bool live) {
  bool was_logged = false;
  {
    const MutexLock lock(mutex_);
    was_logged = status_.state == "held" || !logged_waiting_.empty();
    logged_waiting_.clear();
    status_.state = live ? "online" : "catching-up";
    status_.error.clear();
    status_.hint.clear();
    status_.sqlstate.clear();
    status_.tries_failed = 0;
  }
  if (was_logged) log_info("lane " + name_ + " goes on");
}

void LaneReport::count(const net::RowCounts& counts) {
  if (counts == net::RowCounts()) return;
  const MutexLock lock(mutex_);
  status_.rows += counts;
}

void LaneReport::set_error(const net::PgError& error) {
  status_.error = error.text;
  status_.sqlstate = error.sqlstate;
  status_.hint = error.hint;
  status_.may_quote = error.may_quote;
}

unsigned LaneReport::tries_failed() const {
  const MutexLock lock(mutex_);
  return status_.tries_failed;
}

LaneStatus LaneReport::status() const {
  const MutexLock lock(mutex_);
  LaneStatus status = status_;
  const auto now = time_.now();
  if (status.tries_failed > 0 && next_try_ > now) {
    status.next_try_in = std::chrono::duration_cast<milliseconds>(next_try_ - now);
  }
  return status;
}

}  // namespace hookspool::agent
