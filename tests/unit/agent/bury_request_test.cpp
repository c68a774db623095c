#include "agent/delivery/bury_request.h"

#include <gtest/gtest.h>

namespace hookspool::agent {
namespace {

using std::chrono::steady_clock;

const Uuid kFirst = *Uuid::parse("11111111-2222-4333-8444-555555555555");
const Uuid kSecond = *Uuid::parse("21111111-2222-4333-8444-555555555555");

LaneStatus status() {
  LaneStatus lane;
  lane.name = "shop";
  lane.state = "online";
  return lane;
}

TEST(BuryRequestTest, IsRefusedWhereNoEventHoldsTheLane) {
  BuryRequest request;
  const auto made = request.make(1, std::nullopt, status());
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().status, 409);
  EXPECT_EQ(made.error().text, "lane shop is not held by an event: it is online");
  request.set_refused(kFirst);
  ASSERT_FALSE(request.make(1, kSecond, status())) << "another event than the one that is named";
  EXPECT_FALSE(request.is_open());
}

TEST(BuryRequestTest, OneThatNamesAnEventIsForThatOne) {
  BuryRequest request;
  request.set_refused(kFirst);
  ASSERT_TRUE(request.make(5, kFirst, status()));
  EXPECT_TRUE(request.covers(kFirst));
  EXPECT_FALSE(request.covers(kSecond));
  request.count_buried();
  EXPECT_FALSE(request.is_open()) << "whatever number was given";
}

TEST(BuryRequestTest, OneWithANumberEndsWhenSoManyAreBuriedOrOneIsTaken) {
  BuryRequest request;
  request.set_refused(kFirst);
  ASSERT_TRUE(request.make(3, std::nullopt, status()));
  EXPECT_TRUE(request.covers(kSecond));
  request.count_buried();
  EXPECT_EQ(request.wait(steady_clock::now()).buried, 1u);
  EXPECT_FALSE(request.wait(steady_clock::now()).over);
  request.end();
  request.count_buried();  // by the lane's own decision
  const auto outcome = request.wait(steady_clock::time_point::max());
  EXPECT_TRUE(outcome.over);
  EXPECT_EQ(outcome.buried, 1u);
}

}  // namespace
}  // namespace hookspool::agent
