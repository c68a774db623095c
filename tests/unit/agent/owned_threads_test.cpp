#include "agent/base/owned_threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace hookspool::agent {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLong{30'000};

TEST(OwnedThreadsTest, NoneIsAnEnd) {
  OwnedThreads threads;
  EXPECT_TRUE(threads.join(milliseconds(0)));
}

TEST(OwnedThreadsTest, OneThatIsAtWorkOutlastsTheGraceAndIsWaitedForAgain) {
  std::promise<void> may_end;
  std::atomic<bool> done{false};
  OwnedThreads threads;
  threads.start("one", [&] {
    may_end.get_future().wait();
    done = true;
  });
  EXPECT_FALSE(threads.join(milliseconds(1)));
  EXPECT_FALSE(done);
  may_end.set_value();
  EXPECT_TRUE(threads.join(kLong));
  EXPECT_TRUE(done);
  EXPECT_TRUE(threads.join(milliseconds(0)));
}

TEST(OwnedThreadsTest, TheLastOfSeveralCounts) {
  std::promise<void> may_end;
  const std::shared_future<void> ending = may_end.get_future().share();
  std::atomic<int> done{0};
  OwnedThreads threads;
  threads.start("quick", [&] { ++done; });
  threads.start("slow", [&, ending] {
    ending.wait();
    ++done;
  });
  EXPECT_FALSE(threads.join(milliseconds(1)));
  may_end.set_value();
  EXPECT_TRUE(threads.join(kLong));
  EXPECT_EQ(done, 2);
}

TEST(OwnedThreadsTest, TheDestructorWaitsForTheJob) {
  std::promise<void> begun;
  std::atomic<bool> ending{false}, done{false};
  {
    OwnedThreads threads;
    threads.start("job", [&] {
      begun.set_value();
      while (!ending) std::this_thread::yield();
      done = true;
    });
    begun.get_future().wait();
    ending = true;
  }
  EXPECT_TRUE(done);
}

}  // namespace
}  // namespace hookspool::agent
