// From what is wrong at the moment to what is new: an alert when a condition begins, and one when it is over. What comes and goes
// is one alert: it is over only when it has been absent for kOverAfter.
// Pure: the time is a parameter. Not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "agent/alerts/alert.h"

namespace hookspool::agent {

class AlertTransitions {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds kOverAfter{60};
  static constexpr std::size_t kOpenMax =
      256;  // conditions beyond that are not reported until others are over

  // In the order of what is given, what is over last.
  std::vector<Alert> look(const std::vector<Condition>& wrong, TimePoint now, std::int64_t wall_clock_us);

 private:
  struct Open {
    Alert begun;
    TimePoint seen_at;
  };
  std::map<std::pair<AlertKind, std::string>, Open> open_;
};

}  // namespace hookspool::agent
