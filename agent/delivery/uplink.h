// The uplink to PostgreSQL as the lanes see it: up or down. While it is down one prober tries for all of them, with
// backoff; lanes wait. What went wrong, for how long and when the next try is, is kept for /health.
// Thread-safe. Owns the prober's thread.
#pragma once

#include <functional>

#include "agent/base/owned_threads.h"
#include "agent/base/time_source.h"
#include "agent/delivery/uplink_state.h"
#include "net/pg/ledger/watermarks.h"
#include "net/pg/link/pool.h"
#include "storage/base/mutex.h"

namespace hookspool::agent {

class Uplink {
 public:
  using Status = UplinkStatus;

  // `pool` and `time` must outlive the uplink. `on_change` is called from the thread that caused the change, without a
  // lock. `check_identity` says whether this is the database that the journal belongs to.
  using CheckIdentity = std::function<net::PgResult<void>(const net::SinkIdentity&)>;
  Uplink(net::Pool& pool, milliseconds backoff_min, milliseconds backoff_max, CheckIdentity check_identity,
         std::function<void()> on_change, const TimeSource& time = real_time());
  ~Uplink();
  Uplink(const Uplink&) = delete;
  Uplink& operator=(const Uplink&) = delete;

  // An idle connection is asked this often at most, and a quarter of backoff_max where that is less: what happened to
  // the database must not wait for the next event to be noticed, and a firewall does not forget a flow in use.
  static constexpr milliseconds kHeartbeatMax{5'000};
  // How long it may take to answer, or to be replaced, before it counts as down.
  static constexpr milliseconds kIdleAnswerMax{9'000};

  void start() EXCLUDES(mutex_);  // begins with a try at once
  // False: the prober was still in a try when the grace was over.
  bool stop(milliseconds grace) EXCLUDES(mutex_);

  bool up() const EXCLUDES(mutex_);
  // A lane found the connection dead, or could not get one; `opened_at`: when that was opened, or asked for. False: it was
  // up again after that, so the failure belongs to an outage that is over.
  using OpenedAt = std::chrono::steady_clock::time_point;
  bool report_failure(const net::PgError& error, OpenedAt opened_at) EXCLUDES(mutex_);
  bool has_recovered_since(OpenedAt opened_at) const EXCLUDES(mutex_);
  // An administrator does not want to wait for the backoff.
  void retry_now() EXCLUDES(mutex_);
  Status status() const EXCLUDES(mutex_);

 private:
  void ask_to_end() EXCLUDES(mutex_);
  void probe_loop() EXCLUDES(mutex_);
  void heartbeat() EXCLUDES(mutex_);
  void try_and_report() EXCLUDES(mutex_);
  net::PgResult<void> try_once(OpenedAt now);
  net::PgResult<void> admit(net::Connection& connection) EXCLUDES(mutex_);
  void ask_idle_connection();
  UplinkState::Now now() const { return {time_.now(), time_.wall_clock_us()}; }

  net::Pool& pool_;
  const milliseconds heartbeat_interval_;
  const CheckIdentity check_identity_;
  const std::function<void()> on_change_;
  const TimeSource& time_;
  mutable Mutex mutex_;
  CondVar wake_;
  bool stopping_ GUARDED_BY(mutex_) = false;
  bool retry_now_ GUARDED_BY(mutex_) = false;
  UplinkState state_ GUARDED_BY(mutex_);
  OpenedAt condemned_before_
      GUARDED_BY(mutex_);  // what was opened earlier says nothing about the server of now
  net::SinkIdentity server_ GUARDED_BY(mutex_);  // of the newest connection that was admitted
  OwnedThreads prober_;                          // last: it uses all of the above
};

}  // namespace hookspool::agent
