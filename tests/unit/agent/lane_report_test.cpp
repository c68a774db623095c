// A lane that fails, is held and goes on, in simulated time.
#include "agent/delivery/lane_report.h"

#include <gtest/gtest.h>

#include "tests/support/simulated_time.h"

namespace hookspool::agent {
namespace {

using std::chrono::hours;

constexpr milliseconds kLeast{250};
constexpr milliseconds kMost{60'000};

net::PgError error(const std::string& text) {
  return {.sqlstate = "53300", .text = text, .hint = "what to do"};
}

class LaneReportTest : public ::testing::Test {
 protected:
  milliseconds wait(const LaneStep& step) const {
    EXPECT_EQ(step.next, LaneStep::Next::kLater);
    return std::chrono::duration_cast<milliseconds>(step.not_before - time_.now());
  }
  testing::SimulatedTime time_;
};

TEST_F(LaneReportTest, AFailureOfHoursBacksOffToTheLimitAndIsStuckFromTheThirdTry) {
  LaneReport report("shop", time_, [] { return 0.999; });
  const auto began = time_.now();
  milliseconds before{0};
  unsigned tries = 0;
  while (time_.now() - began < hours(5)) {
    const auto step = report.retry(error("too many clients"), kLeast, kMost);
    tries += 1;
    EXPECT_GE(wait(step), before);
    EXPECT_LE(wait(step), kMost);
    before = wait(step);
    EXPECT_EQ(report.status().next_try_in, before);
    EXPECT_EQ(report.status().stuck(), tries >= LaneStatus::kTriesBeforeStuck);
    time_.advance(before / 2);
    EXPECT_NEAR(static_cast<double>(report.status().next_try_in.count()),
                static_cast<double>(before.count()) / 2, 1);
    time_.advance_to(step.not_before);
    EXPECT_EQ(report.status().next_try_in, milliseconds(0));
  }
  EXPECT_GT(before, kMost * 9 / 10);
  EXPECT_GT(tries, 300u);
  EXPECT_LT(tries, 315u);
  EXPECT_EQ(report.tries_failed(), tries);
}

TEST_F(LaneReportTest, OneThatIsHeldTriesAfterHalfToTheWholeOfTheLimitForEver) {
  LaneReport soon("a", time_, [] { return 0.0; }), late("b", time_, [] { return 0.999; });
  for (int tries = 0; tries < 1'000; ++tries) {
    EXPECT_GE(wait(soon.hold(error("no such table"), kMost)), kMost / 2);
    EXPECT_LE(wait(late.hold(error("no such table"), kMost)), kMost);
    time_.advance(kMost);
  }
  EXPECT_LT(wait(soon.hold(error("no such table"), kMost)), kMost * 3 / 4);
  EXPECT_GT(wait(late.hold(error("no such table"), kMost)), kMost * 3 / 4);
  EXPECT_EQ(soon.status().state, "held");
  EXPECT_TRUE(soon.status().stuck());
  EXPECT_EQ(soon.status().hint, "what to do");
}

TEST_F(LaneReportTest, ASuccessEndsItAndTheNextFailureBeginsAnew) {
  LaneReport report("shop", time_, [] { return 0.999; });
  EXPECT_EQ(report.status().state, "waiting");
  for (int i = 0; i < 20; ++i) report.retry(error("deadlock"), kLeast, kMost);
  report.succeeded(false);
  EXPECT_EQ(report.status().state, "catching-up");
  report.succeeded(true);
  const auto status = report.status();
  EXPECT_EQ(status.state, "online");
  EXPECT_EQ(status.error + status.hint + status.sqlstate, "");
  EXPECT_EQ(status.tries_failed, 0u);
  EXPECT_EQ(status.next_try_in, milliseconds(0));
  EXPECT_LE(wait(report.retry(error("deadlock"), kLeast, kMost)), kLeast);
}

TEST_F(LaneReportTest, AnOutageWaitsForTheUplinkAndIsNoFailureOfTheLane) {
  LaneReport report("shop", time_, [] { return 0.5; });
  const auto step = report.uplink_down(error("connection lost"));
  EXPECT_EQ(step.next, LaneStep::Next::kUplinkDown);
  ASSERT_TRUE(step.failure);
  EXPECT_EQ(step.failure->text, "connection lost");
  EXPECT_EQ(report.status().state, "waiting");
  EXPECT_FALSE(report.status().stuck());
}

}  // namespace
}  // namespace hookspool::agent
