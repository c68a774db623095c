// An administrator's request (`hookspool dead bury`) that what a lane cannot pass becomes a dead letter: the event that
// is refused now, and up to a number of those that are refused after it without one in between that is taken.
// Thread-safe: made and waited for by the admin's threads, carried out by the lane's step.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "agent/base/admin_result.h"
#include "agent/delivery/lane_status.h"
#include "storage/base/mutex.h"
#include "storage/model/uuid.h"

namespace hookspool::agent {

class BuryRequest {
 public:
  struct Outcome {
    std::size_t buried = 0;
    bool over = false;  // nothing more comes of the request
  };

  // Replaces an earlier request. `id`: that event, and no other. `status` is for the words of a refusal.
  AdminResult<void> make(std::size_t count, const std::optional<Uuid>& id, const LaneStatus& status)
      EXCLUDES(mutex_);
  // Until the request is over, or `until`.
  Outcome wait(std::chrono::steady_clock::time_point until) EXCLUDES(mutex_);

  // The event that holds the lane; nil: none.
  void set_refused(const Uuid& id) EXCLUDES(mutex_);
  Uuid refused() const EXCLUDES(mutex_);
  // Whether there is a request, and whether it is for this event.
  bool is_open() const EXCLUDES(mutex_);
  bool covers(const Uuid& id) const EXCLUDES(mutex_);
  void count_buried() EXCLUDES(mutex_);
  // An event was taken, or there is none: nothing holds the lane any more.
  void end() EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  CondVar ended_;
  Uuid refused_id_ GUARDED_BY(mutex_);
  std::size_t left_ GUARDED_BY(mutex_) = 0;  // events that may still be buried; 0: no request
  std::optional<Uuid> id_ GUARDED_BY(mutex_);
  std::size_t buried_ GUARDED_BY(mutex_) = 0;
};

}  // namespace hookspool::agent
