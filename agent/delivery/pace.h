// How large a batch may be while a backlog is brought in: small at first, so that a database that has just come
// back is not met by a wall, then doubling as long as it commits quickly. Not thread-safe: belongs to a lane.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace hookspool::agent {

class Pace {
 public:
  static constexpr std::size_t kFirstBatchEvents = 64;
  static constexpr std::chrono::milliseconds kQuick{500};   // below it the batch may double
  static constexpr std::chrono::milliseconds kSlow{2'000};  // above it it is halved

  explicit Pace(std::size_t events_max) : events_max_(events_max), events_(events_max) {}

  std::size_t batch_events() const { return events_; }
  void set_most(std::size_t events_max) {
    if (events_ == events_max_) events_ = events_max;  // nothing held it back but the limit
    events_max_ = events_max;
    events_ = std::min(events_, events_max_);
  }
  // A batch of so many took too long to be taken at all.
  void too_many(std::size_t events) { events_ = std::clamp<std::size_t>(events / 2, 1, events_); }
  void uplink_came_up() { events_ = std::min(kFirstBatchEvents, events_max_); }
  void took(std::chrono::steady_clock::duration transaction) {
    if (transaction < kQuick) events_ = std::min(events_ * 2, events_max_);
    if (transaction > kSlow) events_ = std::max<std::size_t>(events_ / 2, 1);
  }

 private:
  std::size_t events_max_;
  std::size_t events_;
};

}  // namespace hookspool::agent
