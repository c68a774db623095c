// What follows a step of a lane, and how the parts of a step say whether it goes on. Plain values.
#pragma once

#include <chrono>
#include <optional>
#include <utility>

#include "net/pg/link/error.h"

namespace hookspool::agent {

struct LaneStep {
  using TimePoint = std::chrono::steady_clock::time_point;

  enum class Next {
    kIdle,        // nothing to do until an event comes
    kMore,        // the next step at once
    kLater,       // the next step at `not_before`
    kUplinkDown,  // PostgreSQL was lost: the next step when the uplink has recovered
  } next = Next::kIdle;
  TimePoint not_before{};                 // kLater
  std::optional<net::PgError> failure{};  // kUplinkDown
  std::optional<TimePoint> sooner{};      // kLater: a new event may bring that forward to this

  static LaneStep more() { return {.next = Next::kMore}; }
  static LaneStep later(TimePoint not_before) { return {.next = Next::kLater, .not_before = not_before}; }
  static LaneStep uplink_down(net::PgError error) {
    return {.next = Next::kUplinkDown, .failure = std::move(error)};
  }
};

// How a part of a step ended: the step goes on with its next part, or the step is over and this follows.
class [[nodiscard]] StepFlow {
 public:
  static StepFlow go_on() { return StepFlow(); }
  StepFlow(LaneStep over) : over_(std::move(over)) {}

  bool is_over() const { return over_.has_value(); }
  // REQUIRES: is_over()
  LaneStep result() && { return std::move(over_).value(); }

 private:
  StepFlow() = default;
  std::optional<LaneStep> over_;
};

}  // namespace hookspool::agent
