#include "agent/delivery/uplink_state.h"

#include "agent/base/backoff.h"
#include "agent/base/units.h"

namespace hookspool::agent {
namespace {

milliseconds since(UplinkState::TimePoint then, UplinkState::TimePoint now) {
  return std::chrono::duration_cast<milliseconds>(now - then);
}

}  // namespace

std::string UplinkState::connected(const std::string& server, const Now& now) {
  std::string news = "PostgreSQL is there: " + server;
  if (ever_up_) {
    news += ", away for " + format_duration(since(down_since_, now.time)) + ", " +
            std::to_string(status_.tries_in_this_outage) + " tries failed";
    status_.last_outage = since(down_since_, now.time);
    status_.outage_total += status_.last_outage;
  }
  status_.changes += 1;
  status_.up = true;
  status_.needs_administrator = false;
  status_.up_since_us = now.wall_clock_us;
  status_.tries_in_this_outage = 0;
  ever_up_ = true;
  return news;
}

std::string UplinkState::failed(const net::PgError& error, const Now& now, double draw) {
  const bool logged = !status_.up && status_.last_error && status_.last_error->text == error.text;
  if (status_.up) {
    status_.outages += 1;
    down_since_ = now.time;
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
  status_.last_error_at_us = now.wall_clock_us;
  // What needs an administrator is not repaired in milliseconds; an outage often is.
  const auto least = status_.needs_administrator ? backoff_max_ / 4 : backoff_min_;
  next_try_ = now.time + backoff_delay(least, backoff_max_, status_.tries_in_this_outage, draw);
  if (logged) return {};
  return (status_.needs_administrator ? "PostgreSQL needs an administrator: "
                                      : "PostgreSQL is away, journaling: ") +
         error.text + (error.hint.empty() ? "" : "\n" + error.hint);
}

UplinkStatus UplinkState::status(TimePoint now) const {
  UplinkStatus status = status_;
  if (!status.up) {
    status.down_for = since(down_since_, now);
    status.next_try_in = next_try_ > now ? since(now, next_try_) : milliseconds(0);
  }
  return status;
}

}  // namespace hookspool::agent
