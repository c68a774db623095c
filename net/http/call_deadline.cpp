#include "net/http/call_deadline.h"

#include <utility>

namespace hookspool::net {

void Cancellation::cancel() {
  const MutexLock lock(mutex_);
  cancelled_ = true;
  if (stop_) stop_();
}

bool Cancellation::is_cancelled() const {
  const MutexLock lock(mutex_);
  return cancelled_;
}

Cancellation::Scope::Scope(Cancellation& cancellation, std::function<void()> stop)
    : cancellation_(cancellation) {
  const MutexLock lock(cancellation_.mutex_);
  cancellation_.stop_ = std::move(stop);
  if (cancellation_.cancelled_) cancellation_.stop_();
}

Cancellation::Scope::~Scope() {
  const MutexLock lock(cancellation_.mutex_);
  cancellation_.stop_ = nullptr;
}

CallDeadline::CallDeadline(std::function<void()> stop, std::chrono::milliseconds deadline)
    : thread_([this, stop = std::move(stop), deadline] {
        {
          const MutexLock lock(mutex_);
          over_.wait_for(mutex_, deadline, [this]() REQUIRES(mutex_) { return done_ || cancelled_; });
          if (done_) return;
        }
        stop();
      }) {}

CallDeadline::CallDeadline(std::function<void()> stop, std::chrono::milliseconds deadline,
                           Cancellation& cancellation)
    : CallDeadline(std::move(stop), deadline) {
  scope_.emplace(cancellation, [this] {
    {
      const MutexLock lock(mutex_);
      cancelled_ = true;
    }
    over_.notify_all();
  });
}

CallDeadline::~CallDeadline() {
  {
    const MutexLock lock(mutex_);
    done_ = true;
  }
  over_.notify_all();
  thread_.join();
}

}  // namespace hookspool::net
