// From figures to what is wrong at the moment. What counts as wrong follows /health and the alert rules for Prometheus, so that
// both say the same. Remembers what takes two looks: counts that grow, and sources that fall silent.
// Pure: the time is a parameter. Not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "agent/alerts/alert.h"
#include "agent/alerts/alert_facts.h"
#include "agent/alerts/silent_sources.h"

namespace hookspool::agent {

class AlertRules {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  // A count has stopped growing when it has not grown for this long.
  static constexpr std::chrono::minutes kGrowthOver{15};
  static constexpr std::size_t kLanesNamedMax = 20;  // blocked lanes with an alert each; the others share one

  struct Now {
    TimePoint time;
    std::int64_t wall_clock_us = 0;
  };

  // About once a second. In the order of AlertKind, by subject.
  std::vector<Condition> look(const AlertFacts& facts, const AlertsConfig& config, const Now& now);

  // What is known of the sources' pauses, from one process to the next.
  std::vector<SilentSources::Known> known_sources(TimePoint now) const { return silent_.known(now); }
  void restore_sources(const std::vector<SilentSources::Known>& known, TimePoint now) {
    silent_.restore(known, now);
  }

 private:
  // Of one count.
  class Growth {
   public:
    // `count` at the first look is growth where it is not 0: it counts since the start.
    bool look(std::uint64_t count, TimePoint now);
    std::uint64_t grown() const { return last_ - before_; }  // since it began to

   private:
    std::uint64_t last_ = 0, before_ = 0;
    std::optional<TimePoint> grew_at_;
  };

  void look_at_growth(const AlertFacts& facts, TimePoint now, std::vector<Condition>& wrong);
  void look_at_sources(const AlertFacts& facts, const AlertsConfig& config, const Now& now,
                       std::vector<Condition>& wrong);

  Growth lost_, dead_letters_;
  SilentSources silent_;
};

}  // namespace hookspool::agent
