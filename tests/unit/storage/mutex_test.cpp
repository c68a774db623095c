// The wrappers of storage/base/mutex.h: they lock what they say, and a wait leaves the lock as it found it.
#include "storage/base/mutex.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

namespace hookspool {
namespace {

using std::chrono::milliseconds;

// What another thread finds at this moment.
template <class AnyMutex>
bool is_free(AnyMutex& mutex) {
  bool taken = false;
  std::thread([&]() NO_THREAD_SAFETY_ANALYSIS {  // the result decides what is released
    taken = mutex.try_lock();
    if (taken) mutex.unlock();
  })
      .join();
  return taken;
}

TEST(MutexLock, HoldsUntilTheEndOfItsScope) {
  Mutex mutex;
  {
    const MutexLock lock(mutex);
    EXPECT_FALSE(is_free(mutex));
  }
  EXPECT_TRUE(is_free(mutex));
}

TEST(MutexLock, MayReleaseInBetween) {
  Mutex mutex;
  {
    MutexLock lock(mutex);
    lock.unlock();
    EXPECT_TRUE(is_free(mutex));
    lock.lock();
    EXPECT_FALSE(is_free(mutex));
    lock.unlock();
  }
  EXPECT_TRUE(is_free(mutex));
}

struct Gate {
  Mutex mutex;
  CondVar changed;
  bool open GUARDED_BY(mutex) = false;

  void set_open() EXCLUDES(mutex) {
    const MutexLock lock(mutex);
    open = true;
    changed.notify_all();
  }
};

TEST(CondVar, ReleasesWhileItWaitsAndHoldsAfterwards) {
  Gate gate;
  MutexLock lock(gate.mutex);
  std::thread other([&] { gate.set_open(); });  // which needs the mutex
  gate.changed.wait(gate.mutex, [&]() REQUIRES(gate.mutex) { return gate.open; });
  EXPECT_TRUE(gate.open);
  EXPECT_FALSE(is_free(gate.mutex));
  lock.unlock();
  other.join();
}

TEST(CondVar, SaysThatTheTimeRanOut) {
  Gate gate;
  const MutexLock lock(gate.mutex);
  const auto open = [&]() REQUIRES(gate.mutex) { return gate.open; };
  EXPECT_FALSE(gate.changed.wait_for(gate.mutex, milliseconds(1), open));
  EXPECT_FALSE(gate.changed.wait_until(gate.mutex, std::chrono::steady_clock::now(), open));
  gate.open = true;
  EXPECT_TRUE(gate.changed.wait_for(gate.mutex, milliseconds(1), open));
  EXPECT_FALSE(is_free(gate.mutex));
}

TEST(CondVar, LeavesTheLockWithItsCallerWhenAPredicateThrows) {
  Gate gate;
  {
    const MutexLock lock(gate.mutex);
    EXPECT_THROW(gate.changed.wait(gate.mutex, []() -> bool { throw std::runtime_error("broken"); }),
                 std::runtime_error);
    EXPECT_FALSE(is_free(gate.mutex));
  }
  EXPECT_TRUE(is_free(gate.mutex));
}

TEST(SharedMutex, HasManyReadersOrOneWriter) {
  SharedMutex mutex;
  {
    const ReaderLock first(mutex);
    std::thread([&] { const ReaderLock second(mutex); }).join();  // would hang with a writer's lock
    EXPECT_FALSE(is_free(mutex));
  }
  {
    const WriterLock lock(mutex);
    EXPECT_FALSE(is_free(mutex));
  }
  EXPECT_TRUE(is_free(mutex));
}

}  // namespace
}  // namespace hookspool
