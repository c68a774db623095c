#include "agent/delivery/uplink.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "agent/base/log.h"
#include "agent/base/random.h"
#include "net/pg/tables/schema.h"

namespace hookspool::agent {

Uplink::Uplink(net::Pool& pool, milliseconds backoff_min, milliseconds backoff_max,
               CheckIdentity check_identity, std::function<void()> on_change, const TimeSource& time)
    : pool_(pool),
      heartbeat_interval_(std::min(backoff_max / 4, kHeartbeatMax)),
      check_identity_(std::move(check_identity)),
      on_change_(std::move(on_change)),
      time_(time),
      state_(backoff_min, backoff_max) {
  pool_.set_admission([this](net::Connection& connection) { return admit(connection); });
}

Uplink::~Uplink() {
  ask_to_end();
}

void Uplink::start() {
  {
    const MutexLock lock(mutex_);
    state_.begin(time_.now());
  }
  prober_.start("prober", [this] { probe_loop(); });
}

bool Uplink::stop(milliseconds grace) {
  ask_to_end();
  return prober_.join(grace);
}

void Uplink::ask_to_end() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
}

bool Uplink::up() const {
  const MutexLock lock(mutex_);
  return state_.up();
}

bool Uplink::has_recovered_since(OpenedAt opened_at) const {
  const MutexLock lock(mutex_);
  return state_.up() && opened_at < condemned_before_;
}

bool Uplink::report_failure(const net::PgError& error, OpenedAt opened_at) {
  std::string news;
  {
    const MutexLock lock(mutex_);
    if (stopping_ || !state_.up()) return true;  // several lanes may find the same outage; the first counts
    if (opened_at < condemned_before_) return false;
    news = state_.failed(error, now(), random_unit());
  }
  wake_.notify_all();
  if (!news.empty()) log_warn(news);
  on_change_();
  return true;
}

void Uplink::retry_now() {
  {
    const MutexLock lock(mutex_);
    retry_now_ = true;
  }
  wake_.notify_all();
}

Uplink::Status Uplink::status() const {
  const MutexLock lock(mutex_);
  return state_.status(time_.now());
}

// The whole of what a lane needs: a connection that answers, to the right server, and the tables. A new one, for
// what is left of the old ones is suspect.
net::PgResult<void> Uplink::try_once(OpenedAt now) try {
  pool_.condemn_before(now);
  auto lease = pool_.acquire(now + pool_.options().connect_timeout);
  if (!lease) return fail(std::move(lease.error()));
  return {};
} catch (const std::exception& error) {
  // Want of memory must not end the prober: the next try comes by the backoff.
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
    const MutexLock lock(mutex_);
    changed = state_.up() && server_ != *identity;
    if (changed) condemned_before_ = connection.opened_at();
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
  const OpenedAt now = real_time().now();
  auto lease = pool_.acquire(now + std::min(pool_.options().connect_timeout, kIdleAnswerMax));
  if (!lease) {
    report_failure(lease.error(), now);
    return;
  }
  if (pool_.options().pre_ping) return;
  auto answer = (*lease)->query(";", net::statement_deadline(pool_.options()), "asking an idle line");
  if (!answer) report_failure(answer.error(), (*lease)->opened_at());
}

// While it is up: waits until that is over, or until an idle connection is to be asked.
void Uplink::heartbeat() {
  {
    const MutexLock lock(mutex_);
    const auto over = [this]() REQUIRES(mutex_) { return stopping_ || !state_.up(); };
    if (wake_.wait_for(mutex_, heartbeat_interval_, over)) return;
  }
  try {
    ask_idle_connection();
  } catch (const std::exception& error) {
    log_error(std::string("asking an idle line: ") + error.what());
  }
}

// While it is down: waits for the next try, makes it and reports.
void Uplink::try_and_report() {
  {
    const MutexLock lock(mutex_);
    const auto called = [this]() REQUIRES(mutex_) { return stopping_ || retry_now_; };
    wake_.wait_for(mutex_, state_.next_try() - time_.now(), called);
    if (stopping_) return;
    retry_now_ = false;
  }
  // The pool's deadlines and the ages of its connections are the machine's time.
  const OpenedAt began = real_time().now();
  const auto tried = try_once(began);
  const std::string server = pool_.stats().server;
  std::string news;
  {
    const MutexLock lock(mutex_);
    if (tried) condemned_before_ = began;
    news = tried ? state_.connected(server, now()) : state_.failed(tried.error(), now(), random_unit());
  }
  if (!news.empty()) tried ? log_info(news) : log_warn(news);
  on_change_();
}

void Uplink::probe_loop() {
  for (;;) {
    bool up = false;
    {
      const MutexLock lock(mutex_);
      if (stopping_) return;
      up = state_.up();
    }
    up ? heartbeat() : try_and_report();
  }
}

}  // namespace hookspool::agent
