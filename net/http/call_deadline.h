// Ends an outgoing call that takes too long or is no longer wanted: cpp-httplib's time-outs are for each read only, and this is
// for a call as a whole, however slowly the bytes drip. Thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <thread>

#include "storage/base/mutex.h"

namespace hookspool::net {

// Once, for all calls that were given it, from any thread: each ends at once, and so does every later one.
class Cancellation {
 public:
  void cancel() EXCLUDES(mutex_);
  bool is_cancelled() const EXCLUDES(mutex_);

  // While it lives, cancel() calls `stop`; at once where that was before. One at a time. `stop` must not throw or block.
  class Scope {
   public:
    Scope(Cancellation& cancellation, std::function<void()> stop);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Cancellation& cancellation_;
  };

 private:
  mutable Mutex mutex_;
  bool cancelled_ GUARDED_BY(mutex_) = false;
  std::function<void()> stop_ GUARDED_BY(mutex_);
};

// Calls `stop` from a thread of its own when `deadline` has passed or the call is cancelled, unless this ends before. `stop` may
// block: neither cancel() nor the deadline's thread is waited for by others than this one's end.
class CallDeadline {
 public:
  CallDeadline(std::function<void()> stop, std::chrono::milliseconds deadline);
  CallDeadline(std::function<void()> stop, std::chrono::milliseconds deadline, Cancellation& cancellation);
  ~CallDeadline();
  CallDeadline(const CallDeadline&) = delete;
  CallDeadline& operator=(const CallDeadline&) = delete;

 private:
  Mutex mutex_;
  CondVar over_;
  bool done_ GUARDED_BY(mutex_) = false;
  bool cancelled_ GUARDED_BY(mutex_) = false;
  std::thread thread_;                        // uses the others
  std::optional<Cancellation::Scope> scope_;  // last: no call of it comes later
};

}  // namespace hookspool::net
