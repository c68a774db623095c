#include "agent/delivery/pace.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/simulated_time.h"

namespace hookspool::agent {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using milliseconds = std::chrono::milliseconds;

TEST(PaceTest, StartsSmallAndDoublesWhileCommitsAreQuick) {
  Pace pace(1000);
  EXPECT_EQ(pace.batch_events(), 1000u);
  pace.uplink_came_up();
  EXPECT_EQ(pace.batch_events(), 64u);
  for (int i = 0; i < 10; ++i) pace.took(milliseconds(5));
  EXPECT_EQ(pace.batch_events(), 1000u);
  for (int i = 0; i < 20; ++i) pace.took(seconds(3));
  EXPECT_EQ(pace.batch_events(), 1u);
}

// A backlog of a day, and a server that is slow for the first hours of it: the batches follow, both ways.
TEST(PaceTest, FollowsAServerThatIsSlowForHours) {
  testing::SimulatedTime time;
  Pace pace(5'000);
  pace.uplink_came_up();
  const auto began = time.now();
  std::size_t largest_while_slow = 0, transactions_while_slow = 0;
  while (time.now() - began < hours(8)) {
    const bool slow = time.now() - began < hours(3);
    const auto events = pace.batch_events();
    const milliseconds took = milliseconds(5) + (slow ? 50 : 0) * milliseconds(1) * static_cast<int>(events);
    time.advance(took);
    pace.took(took);
    if (slow && transactions_while_slow++ > 10) largest_while_slow = std::max(largest_while_slow, events);
    if (time.now() - began > hours(4)) break;
  }
  EXPECT_LE(largest_while_slow, 40u) << "about two seconds each";
  EXPECT_EQ(pace.batch_events(), 5'000u) << "and all at once when it is quick again";
}

TEST(PaceTest, WhatIsTooMuchIsHalved) {
  Pace pace(1'000);
  pace.too_many(1'000);
  EXPECT_EQ(pace.batch_events(), 500u);
  pace.too_many(1);
  EXPECT_EQ(pace.batch_events(), 1u) << "never none";
  pace.too_many(1'000);
  EXPECT_EQ(pace.batch_events(), 1u) << "and never more than before";
}

}  // namespace
}  // namespace hookspool::agent
