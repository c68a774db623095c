// The line to PostgreSQL as the lanes see it: up or down. While it is down one prober tries for all of them, with
// backoff; lanes wait. What went wrong, for how long and when the next try is, is kept for /health.
// Thread-safe. Owns the prober's thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "agent/config/config.h"
#include "net/pg/ledger/watermarks.h"
#include "net/pg/link/pool.h"

namespace hookspool::agent {

class Uplink {
 public:
  using Clock = std::chrono::steady_clock;

  struct Status {
    bool up = false;
    bool needs_administrator = false;  // the last failure was one of the setup
    std::uint64_t outages = 0;         // times it went down after having been up
    std::uint64_t tries_failed = 0;    // in all
    unsigned tries_in_this_outage = 0;
    milliseconds down_for{0};     // this outage
    milliseconds last_outage{0};  // the one before: how long until it was up again
    milliseconds outage_total{0};
    milliseconds next_try_in{0};  // 0: trying now, or up
    std::optional<net::PgError> last_error;
    std::int64_t last_error_at_us = 0;  // wall clock
    std::int64_t up_since_us = 0;       // wall clock; 0 while down
    std::uint64_t changes = 0;          // so far: of two statuses the one with more is the newer
  };

  // `pool` must outlive the line. `on_change` is called from the thread that caused the change, without a lock.
  // `check_identity` says whether this is the database that the journal belongs to.
  using CheckIdentity = std::function<net::PgResult<void>(const net::SinkIdentity&)>;
  Uplink(net::Pool& pool, milliseconds backoff_min, milliseconds backoff_max, CheckIdentity check_identity,
         std::function<void()> on_change);
  ~Uplink();
  Uplink(const Uplink&) = delete;
  Uplink& operator=(const Uplink&) = delete;

  // An idle line is asked this often at most, and a quarter of backoff_max where that is less: what happened to
  // the database must not wait for the next event to be noticed, and a firewall does not forget a flow in use.
  static constexpr milliseconds kHeartbeatMax{5'000};
  // How long it may take to answer, or to be replaced, before it counts as down.
  static constexpr milliseconds kIdleAnswerMax{9'000};

  void start();                   // begins with a try at once
  bool stop(milliseconds grace);  // false: the prober was still in a try when the grace was over

  bool up() const;
  // A lane found the connection dead, or could not get one.
  void report_failure(const net::PgError& error);
  void retry_now();  // an administrator's word: do not wait for the backoff
  Status status() const;

 private:
  void probe_loop();
  net::PgResult<void> try_once();
  net::PgResult<void> admit(net::Connection& connection);
  void ask_idle_connection();
  // Both REQUIRE mutex_ and return what is to be logged once it is released; empty: nothing new.
  std::string set_up();
  std::string set_failed(const net::PgError& error);

  net::Pool& pool_;
  const milliseconds backoff_min_, backoff_max_;
  const CheckIdentity check_identity_;
  const std::function<void()> on_change_;
  mutable std::mutex mutex_;
  std::condition_variable wake_, ended_;
  bool stopping_ = false, retry_now_ = false, probing_ = false;
  Status status_;
  bool ever_up_ = false;
  net::SinkIdentity server_;  // of the newest connection that was admitted
  Clock::time_point down_since_, next_try_;
  std::thread prober_;
};

}  // namespace hookspool::agent
