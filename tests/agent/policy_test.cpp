// The agent's pure decisions: backoff, mode, retention, figures.
#include <gtest/gtest.h>

#include "agent/backoff.h"
#include "agent/event_headers.h"
#include "agent/latency.h"
#include "agent/mode.h"
#include "agent/retention.h"

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

storage::SegmentInfo segment(std::uint64_t number, bool delivered, std::int64_t newest_us,
                             std::uint64_t bytes = 100) {
  storage::SegmentInfo info;
  info.number = number;
  info.delivered = delivered;
  info.newest_received_at_us = newest_us;
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
  static constexpr std::int64_t kNow = 10'000'000;
  JournalConfig config_;
};

TEST_F(Retention, DeliveredGoWhenOldUndeliveredNever) {
  const std::vector segments{segment(1, true, kNow - 2'000'000), segment(2, false, kNow - 2'000'000),
                             segment(3, true, kNow - 500'000)};
  EXPECT_EQ(plan_retention(segments, {kNow, 300, 10'000}, config_).drop, std::vector<std::uint64_t>{1});
}

TEST_F(Retention, NearTheBudgetDeliveredHistoryIsShedOldestFirst) {
  const std::vector segments{segment(1, true, kNow), segment(2, false, kNow), segment(3, true, kNow),
                             segment(4, true, kNow)};
  EXPECT_EQ(plan_retention(segments, {kNow, 1'000, 10'000}, config_).drop,
            (std::vector<std::uint64_t>{1, 3}));
}

TEST_F(Retention, LittleFreeSpaceShedsToo) {
  const std::vector segments{segment(1, true, kNow, 30), segment(2, true, kNow, 30)};
  EXPECT_EQ(plan_retention(segments, {kNow, 60, 100}, config_).drop, std::vector<std::uint64_t>{1});
}

TEST_F(Retention, TheActiveSegmentIsClosedWhenItIsAllTheHistoryThereIs) {
  auto active = segment(7, true, kNow, 900);
  active.active = true;
  EXPECT_TRUE(plan_retention(std::vector{active}, {kNow, 900, 10'000}, config_).rotate);
  EXPECT_TRUE(plan_retention(std::vector{active}, {kNow, 900, 10'000}, config_).drop.empty());
  active.delivered = false;
  EXPECT_FALSE(plan_retention(std::vector{active}, {kNow, 900, 10'000}, config_).rotate);
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
}

TEST(EventHeaders, BytesThatAreNotUtf8AreLatin1) {
  EXPECT_EQ(utf8_text("caf\xe9"), "caf\xc3\xa9");
  EXPECT_EQ(utf8_text("caf\xc3\xa9"), "caf\xc3\xa9");
}

}  // namespace
}  // namespace hookspool::agent
