// A value that is replaced as a whole while others read it. A reader that has taken one keeps it to the end of its work,
// so no reader ever sees half of a change. Thread-safe.
#pragma once

#include <memory>
#include <utility>

#include "storage/base/mutex.h"

namespace hookspool::agent {

template <class T>
class Current {
 public:
  explicit Current(std::shared_ptr<const T> value) : value_(std::move(value)) {}
  explicit Current(T value) : value_(std::make_shared<const T>(std::move(value))) {}

  std::shared_ptr<const T> get() const {
    const MutexLock lock(mutex_);
    return value_;
  }
  // The old value goes with the last of those who have it, and never under the lock.
  void set(std::shared_ptr<const T> value) noexcept {
    const MutexLock lock(mutex_);
    value_.swap(value);
  }

 private:
  mutable Mutex mutex_;
  std::shared_ptr<const T> value_ GUARDED_BY(mutex_);  // never null
};

}  // namespace hookspool::agent
