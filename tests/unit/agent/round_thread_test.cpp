#include "agent/base/round_thread.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <new>
#include <thread>

#include "agent/base/last_resort.h"
#include "tests/support/wait.h"

namespace hookspool::agent {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(RoundThread, ARoundThatThrowsIsFollowedByTheNext) {
  std::atomic<int> rounds{0};
  RoundThread thread("rounds", milliseconds(1), [&] {
    if (++rounds < 3) throw std::bad_alloc();
  });
  EXPECT_TRUE(testing::wait_until(seconds(30), [&] { return rounds > 3; }));
}

TEST(RoundThread, IsWokenBeforeItsTime) {
  std::atomic<int> rounds{0};
  RoundThread thread("rounds", hours(1), [&] { ++rounds; });
  const auto began = thread.last_round();
  thread.wake();
  EXPECT_TRUE(testing::wait_until(seconds(30), [&] { return thread.last_round() > began; }));
  EXPECT_EQ(rounds, 1);
}

TEST(RoundThread, ItsEndWaitsForTheRoundAtHandAndNoOtherBegins) {
  std::promise<void> begun, go_on;
  std::atomic<int> ended{0};
  std::thread ending;
  {
    auto thread = std::make_unique<RoundThread>("rounds", milliseconds(1), [&] {
      if (ended == 0) begun.set_value();
      go_on.get_future().wait();
      ++ended;
    });
    begun.get_future().wait();
    thread->wake();
    thread->ask_to_end();
    ending = std::thread([&] { go_on.set_value(); });
  }
  EXPECT_EQ(ended, 1);
  ending.join();
}

TEST(LastResortDeathTest, AnExceptionThatNobodyCatchesEndsTheProcessWithALineAndACode) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        install_last_resort();
        std::thread([] { throw std::bad_alloc(); }).join();
      },
      ::testing::ExitedWithCode(70), "cannot go on \\(std::bad_alloc\\)");
}

}  // namespace
}  // namespace hookspool::agent
