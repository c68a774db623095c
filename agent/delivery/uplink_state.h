// Whether PostgreSQL is reachable, since when, and when it is tried next: the state machine of an outage.
// Pure: time and random numbers are parameters. Not thread-safe: Uplink's mutex guards it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "agent/base/time_source.h"
#include "agent/config/config.h"
#include "net/pg/link/error.h"

namespace hookspool::agent {

struct UplinkStatus {
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

class UplinkState {
 public:
  using TimePoint = TimeSource::TimePoint;
  struct Now {
    TimePoint time;
    std::int64_t wall_clock_us = 0;
  };

  UplinkState(milliseconds backoff_min, milliseconds backoff_max)
      : backoff_min_(backoff_min), backoff_max_(backoff_max) {}

  // Down, and the first try is due at once.
  void begin(TimePoint now) { down_since_ = next_try_ = now; }

  // Each answers what is to be logged; empty: nothing new. An outage has one line, and one more whenever its reason
  // changes. `draw`: a random number in [0, 1), for the backoff.
  std::string connected(const std::string& server, const Now& now);
  std::string failed(const net::PgError& error, const Now& now, double draw);

  bool up() const { return status_.up; }
  TimePoint next_try() const { return next_try_; }  // while it is down
  UplinkStatus status(TimePoint now) const;

 private:
  const milliseconds backoff_min_, backoff_max_;
  UplinkStatus status_;
  bool ever_up_ = false;
  TimePoint down_since_, next_try_;
};

}  // namespace hookspool::agent
