#include "agent/base/shared_rate.h"

#include <gtest/gtest.h>

namespace hookspool::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class SharedRateTest : public ::testing::Test {
 protected:
  int take(const std::string& peer, int times) {
    int taken = 0;
    for (int i = 0; i < times; ++i) taken += rate_.take("source", peer, now_) ? 1 : 0;
    return taken;
  }

  SharedRate::Clock::time_point now_ = SharedRate::Clock::time_point(std::chrono::hours(1));
  SharedRate rate_{
      {.per_second = 20, .at_once = 200, .peer_per_second = 2, .peer_at_once = 20, .peers_max = 100}};
};

TEST_F(SharedRateTest, OneAloneHasTheRateOfTheSource) {
  EXPECT_EQ(take("a", 1'000), 220);
  int taken = 0;
  for (int second = 0; second < 60; ++second) {
    now_ += seconds(1);
    taken += take("a", 1'000);
  }
  EXPECT_GE(taken, 60 * 19);
  EXPECT_LE(taken, 60 * 20 + 20);
}

TEST_F(SharedRateTest, AFloodOfOneLeavesRoomForAnother) {
  int genuine = 0;
  for (int second = 0; second < 600; ++second) {
    now_ += seconds(1);
    take("flood", 1'000);
    genuine += take("genuine", 1);
  }
  EXPECT_EQ(genuine, 600);
}

TEST_F(SharedRateTest, ABurstOfAnotherIsTakenInTheMiddleOfAFlood) {
  for (int second = 0; second < 60; ++second) {
    now_ += seconds(1);
    take("flood", 1'000);
  }
  EXPECT_EQ(take("genuine", 1'000), 20);
}

TEST_F(SharedRateTest, PeersAreForgottenBeyondTheirLimit) {
  for (int i = 0; i < 1'000; ++i) take("peer " + std::to_string(i), 1);
  EXPECT_EQ(rate_.peers(), 100u);
}

TEST_F(SharedRateTest, SourcesDoNotShare) {
  take("a", 1'000);
  EXPECT_TRUE(rate_.take("other", "a", now_));
  rate_.forget_sources([](const std::string& source) { return source == "other"; });
  EXPECT_TRUE(rate_.knows("other"));
  EXPECT_FALSE(rate_.knows("source"));
}

}  // namespace
}  // namespace hookspool::agent
