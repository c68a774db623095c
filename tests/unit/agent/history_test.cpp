// The dashboard's history under a clock that the test moves: a day passes in microseconds.
#include "agent/history/history.h"

#include <gtest/gtest.h>

#include <fstream>
#include <memory>

#include "agent/history/history_file.h"
#include "agent/history/lane_rates.h"
#include "agent/history/recent_events.h"
#include "tests/support/simulated_time.h"
#include "tests/support/temp_folder.h"

namespace hookspool::agent {
namespace {

using namespace std::chrono_literals;
using testing::SimulatedTime;
using testing::TempFolder;

class HistoryTest : public ::testing::Test {
 protected:
  // `length` in steps of two seconds, with so many events in each.
  void pass(std::chrono::seconds length, std::uint64_t events, bool up = true) {
    for (auto passed = 0s; passed < length; passed += 2s) {
      time_.advance(2s);
      reading_.accepted += events;
      if (up)
        reading_.delivered += events;
      else
        reading_.down += 2s;
      reading_.waiting = reading_.accepted - reading_.delivered;
      history_.add(time_.now(), time_.wall_clock_us(), reading_);
    }
  }
  std::uint32_t now_s() const { return static_cast<std::uint32_t>(time_.wall_clock_us() / 1'000'000); }

  SimulatedTime time_;
  HistoryReading reading_;
  History history_;
};

TEST_F(HistoryTest, HasTenMinutesInFineStepsAndADayInCoarseOnes) {
  EXPECT_FALSE(history_.rates(10s));
  pass(2s, 0);  // the first reading only begins
  pass(26h, 6);
  const auto fine = history_.fine(), coarse = history_.coarse();
  ASSERT_EQ(fine.size(), History::kFineMax);
  ASSERT_EQ(coarse.size(), History::kCoarseMax);
  EXPECT_EQ(fine.back().end_s, now_s());
  EXPECT_EQ(fine.back().end_s - fine.front().end_s, 2 * (History::kFineMax - 1));
  EXPECT_EQ(coarse.back().end_s - coarse.front().end_s, 60 * (History::kCoarseMax - 1));
  EXPECT_FLOAT_EQ(fine.front().accepted, 3);
  EXPECT_FLOAT_EQ(coarse.front().delivered, 3);
}

TEST_F(HistoryTest, AnOutageIsABandAndABacklog) {
  pass(600s, 2);
  pass(90s, 2, false);
  pass(60s, 2);
  double down_s = 0, most = 0;
  for (const auto& sample : history_.coarse()) {
    down_s += static_cast<double>(sample.down) * sample.length_ms / 1000;
    most = std::max(most, static_cast<double>(sample.waiting));
  }
  EXPECT_NEAR(down_s, 90, 0.1);
  EXPECT_EQ(most, 90);
  EXPECT_EQ(history_.coarse().front().down, 0);
}

TEST_F(HistoryTest, RatesAreOfTheTimeAskedFor) {
  pass(2s, 0);  // the first reading only begins
  pass(24h, 2);
  pass(60s, 200);
  EXPECT_NEAR(history_.rates(60s)->accepted, 100, 0.01);
  EXPECT_NEAR(history_.rates(120s)->accepted, 50.5, 0.01);
  EXPECT_NEAR(history_.rates(24h)->accepted, 1 + 99.0 / 1440, 0.01);
}

TEST_F(HistoryTest, ACounterThatShrinksIsNoNegativeRate) {
  pass(4s, 10);
  reading_.accepted = 0;
  reading_.down = 0ms;
  pass(2s, 0);
  EXPECT_EQ(history_.fine().back().accepted, 0);
}

TEST_F(HistoryTest, OfAClockThatWasPutBackNothingIsShownTwice) {
  pass(60s, 1);
  time_.advance(2s);
  history_.add(time_.now(), time_.wall_clock_us() - 30'000'000, reading_);
  const auto fine = history_.fine();
  for (std::size_t i = 1; i < fine.size(); ++i) EXPECT_LE(fine[i - 1].end_s, fine[i].end_s);
  EXPECT_EQ(fine.back().end_s, now_s() - 30);
}

TEST(HistoryQuantile, LiesWithinItsBucket) {
  Histogram histogram;
  const auto before = histogram.counts();
  EXPECT_EQ(quantile_between(before, before, 0.5), -1);
  for (int i = 0; i < 98; ++i) histogram.record(3'000);
  for (int i = 0; i < 2; ++i) histogram.record(400'000);
  const auto after = histogram.counts();
  EXPECT_GT(quantile_between(before, after, 0.5), 2.5);
  EXPECT_LE(quantile_between(before, after, 0.5), 5);
  EXPECT_GT(quantile_between(before, after, 0.99), 250);
  EXPECT_LE(quantile_between(before, after, 0.99), 500);
  histogram.record(UINT64_MAX / 2);
  EXPECT_EQ(quantile_between(after, histogram.counts(), 0.99), 3'600'000);
}

TEST_F(HistoryTest, SurvivesARestart) {
  const TempFolder folder;
  pass(2s, 0);  // the first reading only begins
  pass(2h, 4);
  time_.advance(700ms);
  reading_.accepted += 7;
  history_.finish(time_.now(), time_.wall_clock_us(), reading_);
  ASSERT_TRUE(write_history(folder.path(), history_.coarse()));
  EXPECT_LE(std::filesystem::file_size(folder / "history"), kHistoryBytesMax + 4);
  EXPECT_EQ(std::filesystem::status(folder / "history").permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_FALSE(std::filesystem::exists(folder / "history.tmp"));
  const auto before = history_.coarse();

  time_.advance(10min);
  History next;
  HistoryReading reading;
  next.add(time_.now(), time_.wall_clock_us(), reading);
  time_.advance(60s);
  next.add(time_.now(), time_.wall_clock_us(), reading);
  next.restore(time_.wall_clock_us(), read_history(folder.path()));
  const auto after = next.coarse();
  ASSERT_EQ(after.size(), before.size() + 1);
  EXPECT_EQ(after[before.size() - 1].end_s, before.back().end_s);
  EXPECT_FLOAT_EQ(after[before.size() - 1].accepted, 10);  // 7 in 0.7 s
  EXPECT_EQ(after.back().end_s, now_s());
}

TEST_F(HistoryTest, WhatIsOlderThanADayOrYetToComeIsNotTakenOver) {
  pass(3h, 4);
  const auto samples = history_.coarse();
  History late;
  late.restore(time_.wall_clock_us() + 23 * 3'600'000'000ll, samples);
  EXPECT_NEAR(static_cast<double>(late.coarse().size()), 60, 1);
  History early;
  early.restore(time_.wall_clock_us() - 4 * 3'600'000'000ll, samples);
  EXPECT_TRUE(early.coarse().empty());
}

TEST_F(HistoryTest, ADamagedFileIsNone) {
  const TempFolder folder;
  EXPECT_TRUE(read_history(folder.path()).empty());
  pass(1h, 1);
  ASSERT_TRUE(write_history(folder.path(), history_.coarse()));
  ASSERT_FALSE(read_history(folder.path()).empty());
  const auto size = std::filesystem::file_size(folder / "history");
  {
    std::fstream file(folder / "history", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(size / 2));
    file.put('\x7f');
  }
  EXPECT_TRUE(read_history(folder.path()).empty()) << "one byte is wrong";
  ASSERT_TRUE(write_history(folder.path(), history_.coarse()));
  for (const auto cut : {size - 1, std::uintmax_t{3}, std::uintmax_t{0}}) {
    std::filesystem::resize_file(folder / "history", cut);
    EXPECT_TRUE(read_history(folder.path()).empty()) << cut;
  }
  std::filesystem::remove(folder / "history");
  std::filesystem::create_directory(folder / "history");
  EXPECT_TRUE(read_history(folder.path()).empty());
  EXPECT_FALSE(write_history(folder.path(), history_.coarse())) << "a folder is in its place";
  EXPECT_FALSE(std::filesystem::exists(folder / "history.tmp"));
}

TEST(HistorySamples, OfAFileThatFitsImplausibleOnesAreLeftOut) {
  std::vector<HistorySample> samples(3);
  for (auto& sample : samples) sample.length_ms = 60'000;
  for (std::uint32_t i = 0; i < 3; ++i) samples[i].end_s = 1'700'000'000 + 60 * i;
  samples[1].accepted = -1;
  History history;
  history.restore(1'700'000'200'000'000, history_samples(history_text(samples)));
  EXPECT_EQ(history.coarse().size(), 2u);
  EXPECT_TRUE(history_samples("hookspool history 0\n").empty());
  EXPECT_TRUE(history_samples(history_text(samples) + "x").empty());
  EXPECT_TRUE(history_samples(history_text(std::vector<HistorySample>(History::kCoarseMax + 10))).empty());
}

EventPtr event(std::uint64_t seq, std::string delivery_id = "") {
  auto stored = std::make_shared<StoredEvent>();
  stored->seq = seq;
  stored->event.lane = "github";
  stored->event.delivery_id = std::move(delivery_id);
  stored->event.body = "12345";
  return stored;
}

TEST(RecentEvents, AreTheNewestFirst) {
  RecentEvents recent;
  EXPECT_TRUE(recent.newest_first().empty());
  std::vector<EventPtr> group;
  for (std::uint64_t seq = 1; seq <= 1'000; ++seq) group.push_back(event(seq));
  recent.committed(group);
  const std::vector<EventPtr> one{event(1'001)};
  recent.committed(one);
  const auto newest = recent.newest_first();
  ASSERT_EQ(newest.size(), RecentEvents::kEventsMax);
  for (std::size_t i = 0; i < newest.size(); ++i) EXPECT_EQ(newest[i].seq, 1'001 - i);
  EXPECT_EQ(newest.front().lane, "github");
  EXPECT_EQ(newest.front().body_bytes, 5u);
}

TEST(RecentEvents, ALongTextIsCutBetweenCharacters) {
  RecentEvents recent;
  const std::string letters(RecentEvents::kTextBytesMax - 1, 'x');
  const std::vector<EventPtr> events{event(1, letters + "\xc3\xa9")};
  recent.committed(events);
  EXPECT_EQ(recent.newest_first().front().delivery_id, letters);
}

TEST(LaneRates, FollowWhatComes) {
  SimulatedTime time;
  LaneRates rates;
  Uuid first = *Uuid::parse("01890a5d-ac96-774b-bcce-b302099a8057");
  std::uint64_t seq = 1'000'000;
  const auto pass = [&](int steps, std::uint64_t events) {
    for (int i = 0; i < steps; ++i) {
      time.advance(LaneRates::kStep);
      seq += events;
      rates.add(time.now(), {{"a", {first, seq}}});
    }
  };
  EXPECT_EQ(rates.per_second("a"), 0);
  pass(1, 0);
  EXPECT_EQ(rates.per_second("a"), 0) << "what was there before the first reading";
  pass(1, 50);
  EXPECT_NEAR(rates.per_second("a"), 5, 0.01) << "few readings are not yet a minute";
  pass(60, 100);
  EXPECT_NEAR(rates.per_second("a"), 10, 0.01);
  first = *Uuid::parse("01890a5d-ac96-774b-bcce-b302099a8058");
  seq = 0;
  pass(1, 100);
  EXPECT_NEAR(rates.per_second("a"), 10, 0.01) << "a new epoch begins at 1";
  pass(60, 0);
  EXPECT_LT(rates.per_second("a"), 0.01);
  time.advance(LaneRates::kStep);
  rates.add(time.now(), {});
  EXPECT_EQ(rates.per_second("a"), 0);
}

}  // namespace
}  // namespace hookspool::agent
