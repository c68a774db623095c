#include "agent/upkeep/watchdog.h"

#include <gtest/gtest.h>

namespace hookspool::agent {
namespace {

using namespace std::chrono_literals;
using Clock = Watchdog::Clock;

TEST(Watchdog, IsFedInTimeForAsLongAsTheUpkeepGoesRound) {
  Watchdog watchdog(15s);  // systemd's limit is 30 s
  Clock::time_point now{1h}, fed = now;
  int feeds = 0;
  for (; now < Clock::time_point{25h}; now += watchdog.tick()) {
    const auto verdict = watchdog.judge(now, now - 1s, false);
    EXPECT_FALSE(verdict.stalled);
    if (!verdict.feed) continue;
    EXPECT_LE(now - fed, 15s);
    fed = now;
    ++feeds;
  }
  EXPECT_LE(now - fed, 15s);
  EXPECT_GE(feeds, 24 * 3600 / 15);
  EXPECT_LE(feeds, 2 * 24 * 3600 / 15);  // and not with every look
}

TEST(Watchdog, StarvesOnceTheUpkeepIsLateForTwiceItsInterval) {
  Watchdog watchdog(15s);
  const Clock::time_point last_round{1h};
  EXPECT_FALSE(watchdog.judge(last_round + 30s, last_round, false).stalled);
  const auto verdict = watchdog.judge(last_round + 31s, last_round, false);
  EXPECT_TRUE(verdict.stalled);
  EXPECT_TRUE(verdict.stall_is_new);
  EXPECT_FALSE(verdict.feed);
  for (auto late = 32s; late < 2h; late += 7s) {
    const auto again = watchdog.judge(last_round + late, last_round, false);
    EXPECT_TRUE(again.stalled);
    EXPECT_FALSE(again.stall_is_new);
    EXPECT_FALSE(again.feed);
  }
  // It goes round again, and stalls again.
  const auto better = watchdog.judge(last_round + 3h, last_round + 3h, false);
  EXPECT_FALSE(better.stalled);
  EXPECT_TRUE(better.feed);
  EXPECT_TRUE(watchdog.judge(last_round + 4h, last_round + 3h, false).stall_is_new);
}

TEST(Watchdog, IsFedHoweverLongADiskIsWaitedFor) {
  Watchdog watchdog(15s);
  const Clock::time_point last_round{1h};
  Clock::time_point fed = last_round;
  for (auto late = 0s; late < 12h; late += 3s) {
    const auto verdict = watchdog.judge(last_round + late, last_round, true);
    EXPECT_FALSE(verdict.stalled);
    if (verdict.feed) fed = last_round + late;
    EXPECT_LE(last_round + late - fed, 15s);
  }
}

TEST(Watchdog, OfNobodyIsNotFedButStillNoticesAStall) {
  Watchdog watchdog(0s);
  const Clock::time_point last_round{1h};
  EXPECT_FALSE(watchdog.judge(last_round, last_round, false).feed);
  EXPECT_FALSE(watchdog.judge(last_round + Watchdog::kStalledAfterMin, last_round, false).stalled);
  EXPECT_TRUE(watchdog.judge(last_round + Watchdog::kStalledAfterMin + 1ms, last_round, false).stalled);
  EXPECT_EQ(watchdog.tick(), Watchdog::kStalledAfterMin);
}

TEST(Watchdog, LooksFourTimesInAnInterval) {
  EXPECT_EQ(Watchdog(8s).tick(), 2s);
  EXPECT_EQ(Watchdog(1ms).tick(), 100ms);
  EXPECT_EQ(Watchdog(1h).tick(), 5s);
}

}  // namespace
}  // namespace hookspool::agent
