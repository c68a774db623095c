// The alerts that wait for one destination: a bounded queue, sent one at a time in its order, with backoff after a failure and
// within a rate. What is too old or too much is dropped, oldest first, and counted.
// Pure: time and random numbers are parameters. Not thread-safe: AlertSender's mutex guards it.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "agent/alerts/alert.h"
#include "agent/base/token_bucket.h"

namespace hookspool::agent {

class AlertOutbox {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr std::size_t kWaitingMax = 100;
  static constexpr double kPerMinute = 10;
  static constexpr double kBurst = 20;
  static constexpr std::chrono::milliseconds kBackoffMin{1'000};
  static constexpr std::chrono::milliseconds kBackoffMax{60'000};
  static constexpr std::chrono::hours kAgeMax{1};  // of an alert that could not be sent

  struct Item {
    std::string id;  // of all its tries
    Alert alert;
  };

  void add(Item item, TimePoint now);
  // The first one, if one may be sent now; it stays until sent(), or until it is dropped.
  std::optional<Item> next(TimePoint now);
  void sent(const std::string& id);
  void failed(TimePoint now, double draw);
  // When next() should be asked again; nothing: when there is something new.
  std::optional<TimePoint> due() const;

  std::size_t waiting() const { return waiting_.size(); }
  // How many were dropped since the last call.
  std::uint64_t take_dropped();
  void drop_all();

 private:
  struct Waiting {
    Item item;
    TimePoint since;
  };
  void drop_old(TimePoint now);

  std::deque<Waiting> waiting_;
  Tokens tokens_{kBurst};
  TimePoint not_before_{};
  unsigned failures_ = 0;  // in a row
  std::uint64_t dropped_ = 0;
};

}  // namespace hookspool::agent
