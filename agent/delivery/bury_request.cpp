#include "agent/delivery/bury_request.h"

namespace hookspool::agent {

AdminResult<void> BuryRequest::make(std::size_t count, const std::optional<Uuid>& id,
                                    const LaneStatus& status) {
  const MutexLock lock(mutex_);
  if (refused_id_.is_nil()) {
    return fail(AdminError{409,
                           "lane " + status.name + " is not held by an event: it is " + status.state +
                               (status.error.empty() ? "" : ": " + status.error),
                           status.hint});
  }
  if (id && *id != refused_id_) {
    return fail(AdminError{409,
                           "lane " + status.name + " is held by event " + refused_id_.to_string() +
                               ", not by " + id->to_string(),
                           ""});
  }
  left_ = id ? 1 : count;
  id_ = id;
  buried_ = 0;
  return {};
}

BuryRequest::Outcome BuryRequest::wait(std::chrono::steady_clock::time_point until) {
  const MutexLock lock(mutex_);
  ended_.wait_until(mutex_, until, [this]() REQUIRES(mutex_) { return left_ == 0; });
  return {buried_, left_ == 0};
}

void BuryRequest::set_refused(const Uuid& id) {
  const MutexLock lock(mutex_);
  refused_id_ = id;
}

Uuid BuryRequest::refused() const {
  const MutexLock lock(mutex_);
  return refused_id_;
}

bool BuryRequest::is_open() const {
  const MutexLock lock(mutex_);
  return left_ > 0;
}

bool BuryRequest::covers(const Uuid& id) const {
  const MutexLock lock(mutex_);
  return left_ > 0 && (!id_ || *id_ == id);
}

void BuryRequest::count_buried() {
  {
    const MutexLock lock(mutex_);
    if (left_ == 0) return;
    left_ -= 1;
    buried_ += 1;
  }
  ended_.notify_all();
}

void BuryRequest::end() {
  {
    const MutexLock lock(mutex_);
    if (left_ == 0) return;
    left_ = 0;
  }
  ended_.notify_all();
}

}  // namespace hookspool::agent
