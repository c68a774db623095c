// Whose turn it is, over hours and days of simulated time.
#include "agent/delivery/lane_schedule.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "tests/support/simulated_time.h"

namespace hookspool::agent {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

UplinkStatus uplink(bool up, std::uint64_t changes, milliseconds last_outage = milliseconds(0)) {
  UplinkStatus status;
  status.up = up;
  status.changes = changes;
  status.last_outage = last_outage;
  return status;
}

double first() {
  return 0;
}
double last() {
  return 0.999999;
}

class LaneScheduleTest : public ::testing::Test {
 protected:
  LaneScheduleTest() {
    for (LaneTurn& turn : turns_) schedule_.add(turn);
  }
  // The uplink is up, and all that begins with it is done.
  void come_up() {
    schedule_.uplink_changed(uplink(true, 1), time_.now(), first);
    while (LaneTurn* turn = take()) schedule_.finish(*turn, {});
  }
  LaneTurn* take() { return schedule_.take(time_.now()); }
  bool committed(LaneTurn& turn) { return schedule_.committed(turn, time_.now()); }
  LaneStep later(milliseconds wait) const { return LaneStep::later(time_.now() + wait); }

  testing::SimulatedTime time_;
  LaneTurn turns_[3];
  LaneTurn &a_ = turns_[0], &b_ = turns_[1], &c_ = turns_[2];
  LaneSchedule schedule_;
};

TEST_F(LaneScheduleTest, TurnsGoRoundAndALaneRunsOnce) {
  come_up();
  for (LaneTurn* turn : {&a_, &b_, &c_}) EXPECT_TRUE(committed(*turn));
  committed(a_);
  for (int round = 0; round < 3; ++round) {
    for (LaneTurn* turn : {&a_, &b_, &c_}) {
      ASSERT_EQ(take(), turn);
      schedule_.finish(*turn, LaneStep::more());
    }
  }
  ASSERT_EQ(take(), &a_);
  committed(a_);
  EXPECT_EQ(take(), &b_);
  EXPECT_EQ(take(), &c_);
  EXPECT_EQ(take(), nullptr) << "a is running";
  schedule_.finish(a_, {});
  EXPECT_EQ(take(), &a_) << "for the event that came meanwhile";
}

TEST_F(LaneScheduleTest, NoneHasATurnWhileTheUplinkIsDown) {
  come_up();
  committed(a_);
  schedule_.uplink_lost();
  for (int hour = 0; hour < 24; ++hour) {
    EXPECT_EQ(take(), nullptr);
    EXPECT_FALSE(schedule_.next_due()) << "nothing to wait for but the uplink";
    time_.advance(hours(1));
    committed(a_);
  }
}

TEST_F(LaneScheduleTest, OneThatBacksOffKeepsToItsTimeWhateverComesIn) {
  come_up();
  committed(a_);
  ASSERT_EQ(take(), &a_);
  EXPECT_TRUE(schedule_.finish(a_, later(seconds(60))));
  for (int second = 0; second < 60; ++second) {
    EXPECT_FALSE(committed(a_));
    EXPECT_EQ(take(), nullptr) << "second " << second;
    time_.advance(seconds(1));
  }
  EXPECT_EQ(take(), &a_);
}

// A lane that is held by its events looks at new ones once a second, and at the head once a minute: no more than that,
// however long it takes and however many come.
// Taken before its time (the journal grew, the uplink came up), it does without what it was to wait for: an event that comes
// during the step is not left for the end of that time, which is in no list any more.
TEST_F(LaneScheduleTest, WhatComesDuringAStepThatBeganEarlyIsNotLeft) {
  come_up();
  committed(a_);
  ASSERT_EQ(take(), &a_);
  schedule_.finish(a_, later(hours(1)));
  schedule_.make_ready(a_);
  ASSERT_EQ(take(), &a_);
  committed(a_);
  schedule_.finish(a_, {});
  EXPECT_EQ(take(), &a_);
}

TEST_F(LaneScheduleTest, OneThatIsHeldTakesAStepASecondForAWholeDay) {
  come_up();
  committed(a_);
  ASSERT_EQ(take(), &a_);
  std::uint64_t steps = 0;
  const auto hold = [&] {
    LaneStep step = later(seconds(45));
    step.sooner = time_.now() + seconds(1);
    schedule_.finish(a_, step);
    steps += 1;
  };
  hold();
  constexpr int kTicks = 24 * 3'600 * 4;
  for (int tick = 0; tick < kTicks; ++tick) {
    time_.advance(milliseconds(250));
    committed(a_);
    while (take() != nullptr) hold();
  }
  EXPECT_GT(steps, 24u * 3'600 * 9 / 10);
  EXPECT_LE(steps, 24u * 3'600 + 1);
  // Without new events, the time that it said itself.
  const std::uint64_t before = steps;
  for (int second = 0; second < 3'600; ++second) {
    time_.advance(seconds(1));
    while (take() != nullptr) hold();
  }
  EXPECT_NEAR(static_cast<double>(steps - before), 3'600 / 45.0, 2);
}

TEST_F(LaneScheduleTest, AfterAnOutageAllBeginWithinATenthOfItAndFiveSecondsAtMost) {
  const struct {
    milliseconds outage, latest;
  } kCases[] = {{milliseconds(0), milliseconds(0)}, {seconds(10), seconds(1)}, {hours(6), seconds(5)}};
  std::uint64_t changes = 1;
  for (const auto& each : kCases) {
    schedule_.uplink_changed(uplink(true, ++changes, each.outage), time_.now(), last);
    if (each.latest > milliseconds(0)) {
      EXPECT_EQ(take(), nullptr) << each.outage.count();
    }
    ASSERT_TRUE(schedule_.next_due());
    EXPECT_LE(*schedule_.next_due(), time_.now() + each.latest);
    EXPECT_GE(*schedule_.next_due() + milliseconds(1), time_.now() + each.latest);
    time_.advance(each.latest);
    int began = 0;
    while (LaneTurn* turn = take()) {
      schedule_.finish(*turn, {});
      began += 1;
    }
    EXPECT_EQ(began, 3);
  }
}

TEST_F(LaneScheduleTest, AnOlderChangeOfTheUplinkDoesNotUndoANewerOne) {
  EXPECT_TRUE(schedule_.uplink_changed(uplink(true, 7), time_.now(), first));
  EXPECT_FALSE(schedule_.uplink_changed(uplink(false, 6), time_.now(), first));
  EXPECT_TRUE(schedule_.uplink_up());
  EXPECT_FALSE(schedule_.uplink_changed(uplink(false, 8), time_.now(), first));
  EXPECT_FALSE(schedule_.uplink_up());
}

// The step that is running looks at a connection of before; what has to be looked at anew comes after it.
TEST_F(LaneScheduleTest, AnUplinkThatComesUpDuringAStepGivesAnother) {
  for (const LaneStep& step : {LaneStep{}, LaneStep::more(), later(seconds(60))}) {
    schedule_ = LaneSchedule();
    turns_[0] = LaneTurn();
    schedule_.add(a_);
    schedule_.uplink_changed(uplink(true, 1), time_.now(), first);
    ASSERT_EQ(take(), &a_);
    schedule_.uplink_changed(uplink(true, 2, seconds(10)), time_.now(), last);
    schedule_.finish(a_, step);
    time_.advance(seconds(1));
    EXPECT_EQ(take(), &a_);
  }
}

TEST_F(LaneScheduleTest, AnAdministratorDoesNotWait) {
  come_up();
  committed(a_);
  committed(b_);
  ASSERT_EQ(take(), &a_);
  schedule_.finish(a_, later(hours(1)));
  ASSERT_EQ(take(), &b_);
  schedule_.retry_all();
  EXPECT_EQ(take(), &a_) << "it was waiting";
  schedule_.finish(b_, later(hours(1)));
  EXPECT_EQ(take(), &b_) << "its step wanted to wait, and had begun before";
  schedule_.finish(b_, later(hours(1)));
  EXPECT_EQ(take(), nullptr) << "once";
  EXPECT_EQ(schedule_.next_due(), time_.now() + hours(1));
}

TEST_F(LaneScheduleTest, WhatIsComingIsBegunOnlyWithAWorkerToSpare) {
  come_up();
  const auto event = std::make_shared<const StoredEvent>();
  std::size_t spare = 1;
  EXPECT_FALSE(schedule_.announce(a_, event, time_.now(), spare));
  spare = 3;
  EXPECT_TRUE(schedule_.announce(a_, event, time_.now(), spare));
  EXPECT_FALSE(schedule_.announce(a_, event, time_.now(), spare)) << "it has begun";
  EXPECT_EQ(a_.coming.size(), 2u);
  EXPECT_TRUE(schedule_.announce(b_, event, time_.now(), spare));
  EXPECT_FALSE(schedule_.announce(c_, event, time_.now(), spare)) << "one worker is left";
  EXPECT_EQ(spare, 1u);
  committed(a_);
  EXPECT_TRUE(a_.coming.empty()) << "it is durable now, and no worker had begun";
  ASSERT_EQ(take(), &a_);
  schedule_.finish(a_, later(seconds(60)));
  spare = 3;
  EXPECT_FALSE(schedule_.announce(a_, event, time_.now(), spare)) << "it backs off";
}

}  // namespace
}  // namespace hookspool::agent
