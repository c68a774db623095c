// The agent's pure decisions: backoff, mode, retention, figures.
#include <gtest/gtest.h>

#include "agent/base/backoff.h"
#include "agent/base/latency.h"
#include "agent/intake/event_headers.h"
#include "agent/upkeep/mode.h"
#include "agent/upkeep/retention.h"
#include "agent/upkeep/segment_age.h"

namespace hookspool::agent {
namespace {

TEST(Backoff, FullJitterBetweenFloorAndDoubledLeast) {
  const milliseconds least(250), most(60'000);
  EXPECT_EQ(backoff_delay(least, most, 0, 0.0), kBackoffFloor);
  EXPECT_EQ(backoff_delay(least, most, 0, 0.5), milliseconds(125));
  EXPECT_EQ(backoff_delay(least, most, 3, 0.5), milliseconds(1'000));
  EXPECT_EQ(backoff_delay(least, most, 8, 0.5), milliseconds(30'000));
}

TEST(Backoff, NeverAboveMostNorOverflowing) {
  for (const unsigned attempt : {9u, 40u, 63u, 64u, 1'000'000u, ~0u}) {
    EXPECT_LE(backoff_delay(milliseconds(250), milliseconds(60'000), attempt, 0.999999),
              milliseconds(60'000));
    EXPECT_GT(backoff_delay(milliseconds(250), milliseconds(60'000), attempt, 0.999999),
              milliseconds(59'000));
  }
}

TEST(Modes, TheWorstThatIsTrue) {
  ModeFacts facts;
  EXPECT_EQ(mode_of(facts), Mode::kJournalOnly);
  facts.postgres_configured = true;
  EXPECT_EQ(mode_of(facts), Mode::kOffline);
  facts.line_needs_a_person = true;
  EXPECT_EQ(mode_of(facts), Mode::kBlocked);
  facts.line_needs_a_person = false;
  facts.line_up = true;
  EXPECT_EQ(mode_of(facts), Mode::kOnline);
  facts.lanes_catching_up = 1;
  EXPECT_EQ(mode_of(facts), Mode::kCatchingUp);
  facts.lanes_held = 1;
  EXPECT_EQ(mode_of(facts), Mode::kBlocked);
  facts.journal_accepting = false;
  EXPECT_EQ(mode_of(facts), Mode::kFailed);
  facts.journal_full = true;
  EXPECT_EQ(mode_of(facts), Mode::kRefusing);
}

storage::SegmentInfo segment(std::uint64_t number, bool delivered, std::uint64_t bytes = 100) {
  storage::SegmentInfo info;
  info.number = number;
  info.delivered = delivered;
  info.bytes = bytes;
  info.events = 1;
  return info;
}

class Retention : public ::testing::Test {
 protected:
  Retention() {
    config_.bytes_max = 1'000;
    config_.free_bytes_min = 100;
    config_.keep_delivered = milliseconds(1'000);
  }
  JournalConfig config_;
};

TEST_F(Retention, DeliveredGoWhenOldUndeliveredNever) {
  const std::vector segments{segment(1, true), segment(2, false), segment(3, true)};
  EXPECT_EQ(plan_retention(segments, {2, 300, 10'000}, config_).drop, std::vector<std::uint64_t>{1});
}

TEST_F(Retention, NearTheBudgetDeliveredHistoryIsShedOldestFirst) {
  const std::vector segments{segment(1, true), segment(2, false), segment(3, true), segment(4, true)};
  EXPECT_EQ(plan_retention(segments, {0, 1'000, 10'000}, config_).drop, (std::vector<std::uint64_t>{1, 3}));
}

TEST_F(Retention, LittleFreeSpaceShedsToo) {
  const std::vector segments{segment(1, true, 30), segment(2, true, 30)};
  EXPECT_EQ(plan_retention(segments, {0, 60, 100}, config_).drop, std::vector<std::uint64_t>{1});
}

TEST_F(Retention, TheActiveSegmentIsClosedWhenItIsAllTheHistoryThereIs) {
  auto active = segment(7, true, 900);
  active.active = true;
  EXPECT_TRUE(plan_retention(std::vector{active}, {0, 900, 10'000}, config_).rotate);
  EXPECT_TRUE(plan_retention(std::vector{active}, {0, 900, 10'000}, config_).drop.empty());
  active.delivered = false;
  EXPECT_FALSE(plan_retention(std::vector{active}, {0, 900, 10'000}, config_).rotate);
}

// A segment closes every hour; each is dropped after its three days, never two in one hour, and the note stays short.
TEST(SegmentAge, EachGoesAfterItsTimeAndNeverManyAtOnce) {
  constexpr milliseconds kHour = std::chrono::hours(1);
  constexpr milliseconds kKeep = std::chrono::hours(72);
  SegmentAge age;
  std::uint64_t gone = 0;
  for (std::uint64_t hour = 1; hour <= 500; ++hour) {
    age.advance(kHour, hour, kKeep);
    if (hour % 10 == 0) age = SegmentAge::parse(age.text());  // a restart
    const std::uint64_t aged = age.aged_up_to(kKeep);
    EXPECT_GE(aged, gone);
    EXPECT_LE(aged - gone, 4u) << "hour " << hour;
    EXPECT_LE(aged + 72, std::max<std::uint64_t>(hour, 72)) << "too early";
    EXPECT_TRUE(hour <= 80 || aged + 72 + 4 >= hour) << "too late: " << hour;
    gone = aged;
    EXPECT_LT(age.text().size(), 2'000u);
  }
  EXPECT_GT(gone, 400u);
}

TEST(SegmentAge, TimeThatTheAgentDidNotRunDoesNotCount) {
  SegmentAge age;
  age.advance(milliseconds(0), 30, milliseconds(1'000));
  age.advance(milliseconds(900), 30, milliseconds(1'000));
  age = SegmentAge::parse(age.text());
  age.advance(milliseconds(0), 31, milliseconds(1'000));
  EXPECT_EQ(age.aged_up_to(milliseconds(1'000)), 0u);
  age.advance(milliseconds(100), 31, milliseconds(1'000));
  EXPECT_EQ(age.aged_up_to(milliseconds(1'000)), 30u);
  age.advance(milliseconds(-5'000), 31, milliseconds(1'000));
  EXPECT_EQ(age.aged_up_to(milliseconds(1'000)), 30u) << "it never steps back";
}

TEST(SegmentAge, WhatCannotBeReadBeginsAnew) {
  for (const char* text : {"", "x", "-5\n1 1\n", "100\n200 1\n", "100\n50 3\n40 4\n", "100\n40 4\n50 3\n"}) {
    EXPECT_EQ(SegmentAge::parse(text).aged_up_to(milliseconds(0)), 0u) << text;
  }
  EXPECT_EQ(SegmentAge::parse("100\n40 4\n90 9\n").aged_up_to(milliseconds(50)), 4u);
}

TEST(Latency, FiguresOfTheWindow) {
  LatencyRecorder recorder;
  const auto start = LatencyRecorder::Clock::now();
  for (int i = 1; i <= 100; ++i) recorder.record(std::chrono::microseconds(i * 1'000), start);
  const auto figures = recorder.figures(start);
  EXPECT_EQ(figures.count, 100u);
  EXPECT_NEAR(figures.mean_ms, 50.5, 0.01);
  EXPECT_NEAR(figures.p50_ms, 50, 6);
  EXPECT_NEAR(figures.p99_ms, 99, 9);
  EXPECT_DOUBLE_EQ(figures.max_ms, 100);
}

TEST(Latency, OldWindowsAreForgotten) {
  LatencyRecorder recorder;
  const auto start = LatencyRecorder::Clock::now();
  recorder.record(std::chrono::seconds(5), start);
  EXPECT_EQ(recorder.figures(start + LatencyRecorder::kWindow + std::chrono::seconds(1)).count, 1u);
  EXPECT_EQ(recorder.figures(start + 4 * LatencyRecorder::kWindow).count, 0u);
  EXPECT_EQ(recorder.total(), 1u);
}

TEST(EventHeaders, OneObjectRepeatsAsArraysCredentialsLeftOut) {
  EXPECT_EQ(headers_as_json(
                {{"b", "1"}, {"a", "x\"y"}, {"b", "2"}, {"authorization", "Bearer t"}, {"cookie", "c"}}),
            R"({"a":"x\"y","b":["1","2"]})");
  EXPECT_EQ(headers_as_json({}), "{}");
  EXPECT_EQ(headers_as_json({{"cookie", "c"}}), "{}");
  EXPECT_EQ(headers_as_json({{"z", "caf\xe9\t\\"}, {"b", ""}, {"c", "2"}, {"b", "1"}, {"b", "0"}}),
            "{\"b\":[\"\",\"1\",\"0\"],\"c\":\"2\",\"z\":\"caf\xc3\xa9\\u0009\\\\\"}");
}

TEST(EventHeaders, BytesThatAreNotUtf8AreLatin1) {
  EXPECT_EQ(utf8_text("caf\xe9"), "caf\xc3\xa9");
  EXPECT_EQ(utf8_text("caf\xc3\xa9"), "caf\xc3\xa9");
}

}  // namespace
}  // namespace hookspool::agent
