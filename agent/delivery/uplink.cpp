#include "agent/delivery/uplink.h"

#include <pthread.h>

#include <algorithm>
#include <exception>

#include "agent/base/backoff.h"
#include "agent/base/entropy.h"
#include "agent/base/log.h"
#include "agent/base/units.h"
#include "net/pg/tables/schema.h"

namespace hookspool::agent {
namespace {

milliseconds since(Uplink::Clock::time_point then, Uplink::Clock::time_point now) {
  return std::chrono::duration_cast<milliseconds>(now - then);
}

}  // namespace

Uplink::Uplink(net::Pool& pool, milliseconds backoff_min, milliseconds backoff_max,
               CheckIdentity check_identity, std::function<void()> on_change)
    : pool_(pool),
      backoff_min_(backoff_min),
      backoff_max_(backoff_max),
      check_identity_(std::move(check_identity)),
      on_change_(std::move(on_change)) {
  pool_.set_admission([this](net::Connection& connection) { return admit(connection); });
}

Uplink::~Uplink() {
  stop(milliseconds::max() / 2);
}

void Uplink::start() {
  const std::lock_guard lock(mutex_);
  down_since_ = next_try_ = Clock::now();
  probing_ = true;
  prober_ = std::thread([this] { probe_loop(); });
}

bool Uplink::stop(milliseconds grace) {
  {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
    const auto ended = [this] { return !probing_; };
    if (grace > std::chrono::hours(1)) {
      ended_.wait(lock, ended);
    } else if (!ended_.wait_for(lock, grace, ended)) {
      return false;
    }
  }
  if (prober_.joinable()) prober_.join();
  return true;
}

bool Uplink::up() const {
  const std::lock_guard lock(mutex_);
  return status_.up;
}

void Uplink::report_failure(const net::PgError& error) {
  std::string news;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || !status_.up) return;  // several lanes may find the same outage; the first counts
    news = set_failed(error);
  }
  wake_.notify_all();
  if (!news.empty()) log_warn(news);
  on_change_();
}

void Uplink::retry_now() {
  {
    const std::lock_guard lock(mutex_);
    retry_now_ = true;
  }
  wake_.notify_all();
}

Uplink::Status Uplink::status() const {
  const std::lock_guard lock(mutex_);
  Status status = status_;
  const auto now = Clock::now();
  if (!status.up) {
    status.down_for = since(down_since_, now);
    status.next_try_in = next_try_ > now ? since(now, next_try_) : milliseconds(0);
  }
  return status;
}

// The whole of what a lane needs: a connection that answers, to the right server, and the tables. A new one, for
// what is left of the old ones is suspect.
net::PgResult<void> Uplink::try_once() try {
  pool_.condemn_before(Clock::now());
  auto lease = pool_.acquire(Clock::now() + pool_.options().connect_timeout);
  if (!lease) return fail(std::move(lease.error()));
  return {};
} catch (const std::exception&
             error) {  // want of memory must not end the prober: the next try comes by the backoff
  return fail(net::PgError{.text = std::string("trying PostgreSQL: ") + error.what()});
}

// Any new connection may lead to another server than the last one did, and so to one that lacks commits.
net::PgResult<void> Uplink::admit(net::Connection& connection) {
  auto ready = net::ensure_schema(connection, pool_.options());
  if (!ready) return ready;
  auto identity = net::read_identity(connection, pool_.options());
  if (!identity) return fail(std::move(identity.error()));
  auto known = check_identity_(*identity);
  if (!known) return known;
  bool changed = false;
  {
    const std::lock_guard lock(mutex_);
    changed = status_.up && server_ != *identity;
    server_ = std::move(*identity);
  }
  if (changed) {
    pool_.condemn_before(connection.opened_at());
    log_info("PostgreSQL has been restarted, or another server answers: looking at every lane");
    on_change_();
  }
  return {};
}

void Uplink::ask_idle_connection() {
  if (pool_.stats().in_use > 0) return;  // a lane will notice
  auto lease = pool_.acquire(Clock::now() + std::min(pool_.options().connect_timeout, kIdleAnswerMax));
  if (!lease) return report_failure(lease.error());
  if (pool_.options().pre_ping) return;
  auto answer = (*lease)->query(";", net::statement_deadline(pool_.options()), "asking an idle line");
  if (!answer) report_failure(answer.error());
}

std::string Uplink::set_up() {
  const auto now = Clock::now();
  std::string news = "PostgreSQL is there: " + pool_.stats().server;
  if (ever_up_) {
    news += ", away for " + format_duration(since(down_since_, now)) + ", " +
            std::to_string(status_.tries_in_this_outage) + " tries failed";
  }
  status_.changes += 1;
  status_.up = true;
  status_.needs_administrator = false;
  status_.up_since_us = wall_clock_us();
  status_.tries_in_this_outage = 0;
  if (ever_up_) {
    status_.last_outage = since(down_since_, now);
    status_.outage_total += status_.last_outage;
  }
  ever_up_ = true;
  return news;
}

std::string Uplink::set_failed(const net::PgError& error) {
  const auto now = Clock::now();
  // One line an outage, and one more whenever the reason changes: a log that repeats itself is not read.
  const bool told = !status_.up && status_.last_error && status_.last_error->text == error.text;
  if (status_.up) {
    status_.outages += 1;
    down_since_ = now;
    status_.tries_in_this_outage = 0;
  } else {
    status_.tries_failed += 1;
    status_.tries_in_this_outage += 1;
  }
  status_.changes += 1;
  status_.up = false;
  status_.up_since_us = 0;
  status_.needs_administrator = error.error_class == net::ErrorClass::kSetup;
  status_.last_error = error;
  status_.last_error_at_us = wall_clock_us();
  // What needs an administrator is not repaired in milliseconds; an outage often is.
  const unsigned attempt = status_.tries_in_this_outage;
  const auto least = status_.needs_administrator ? backoff_max_ / 4 : backoff_min_;
  next_try_ = now + backoff_delay(least, backoff_max_, attempt, random_unit());
  if (told) return {};
  return (status_.needs_administrator ? "PostgreSQL needs an administrator: "
                                      : "PostgreSQL is away, journaling: ") +
         error.text + (error.hint.empty() ? "" : "\n" + error.hint);
}

void Uplink::probe_loop() {
  ::pthread_setname_np(::pthread_self(), "prober");
  const auto heartbeat = std::min(backoff_max_ / 4, kHeartbeatMax);
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (status_.up) {
      const bool idle = !wake_.wait_for(lock, heartbeat, [this] { return stopping_ || !status_.up; });
      if (!idle) continue;
      lock.unlock();
      try {
        ask_idle_connection();
      } catch (const std::exception& error) {
        log_error(std::string("asking an idle line: ") + error.what());
      }
      lock.lock();
      continue;
    }
    if (wake_.wait_until(lock, next_try_, [this] { return stopping_ || retry_now_; }) && stopping_) break;
    retry_now_ = false;
    lock.unlock();
    const auto tried = try_once();
    lock.lock();
    const std::string news = tried ? set_up() : set_failed(tried.error());
    lock.unlock();
    if (!news.empty()) tried ? log_info(news) : log_warn(news);
    on_change_();
    lock.lock();
  }
  probing_ = false;
  ended_.notify_all();
}

}  // namespace hookspool::agent
