// A real journal under a clock that the test sets: days of upkeep in seconds.
#include "agent/upkeep/journal_upkeep.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "agent/base/random.h"
#include "agent/base/wall_clock.h"
#include "storage/journal/journal.h"
#include "tests/support/temp_folder.h"

namespace hookspool::agent {
namespace {

using namespace std::chrono_literals;

// The time that a test sets.
class SetTime : public TimeSource {
 public:
  TimePoint now() const override { return now_; }
  std::int64_t wall_clock_us() const override { return hookspool::agent::wall_clock_us(); }
  void set(TimePoint now) { now_ = now; }
  void pass(milliseconds time) { now_ += time; }

 private:
  TimePoint now_{};
};

class JournalUpkeepTest : public ::testing::Test {
 protected:
  void SetUp() override { open(); }

  // What a start of the agent does. The clock of before says nothing to it.
  void open() {
    upkeep_.reset();
    journal_.reset();
    storage::JournalOptions options;
    options.folder = folder_.path() / "journal";
    options.random_bytes = random_bytes;
    auto opened = storage::Journal::open(std::move(options));
    ASSERT_TRUE(opened) << opened.error().text;
    journal_ = std::move(opened->journal);
    time_.set(TimeSource::TimePoint{1h});
    forecast_ = std::make_unique<FillForecast>();
    upkeep_ = std::make_unique<JournalUpkeep>(journal_->admin(), journal_->notes(), config_, *forecast_, 0ms,
                                              time_);
  }
  void keep_delivered(milliseconds keep) {
    JournalConfig config;
    config.free_bytes_min = 0;
    config.keep_delivered = keep;
    config_.set(std::make_shared<const JournalConfig>(config));
  }
  EventPtr append() {
    Event event;
    event.lane = "a";
    event.received_at_us = wall_clock_us();
    event.method = "POST";
    event.path = "/hooks/a";
    event.headers = "{}";
    event.body = "{}";
    auto stored = journal_->append(std::move(event));
    EXPECT_TRUE(stored.ok());
    return stored ? *stored : nullptr;
  }
  void deliver(const EventPtr& event) { journal_->confirm("a", event->epoch, {event->seq, event->id}); }
  // A closed segment with one event that PostgreSQL has; its number.
  std::uint64_t history() {
    deliver(append());
    const auto number = journal_->admin().segments().back().number;
    EXPECT_TRUE(journal_->admin().rotate().ok());
    return number;
  }
  bool is_there(std::uint64_t segment) const {
    const auto segments = journal_->admin().segments();
    return std::any_of(segments.begin(), segments.end(),
                       [&](const storage::SegmentInfo& info) { return info.number == segment; });
  }
  void pass(milliseconds time, milliseconds step) {
    for (const auto end = time_.now() + time; time_.now() < end;) {
      time_.pass(step);
      upkeep_->round();
    }
  }

  testing::TempFolder folder_;
  SetTime time_;
  Current<JournalConfig> config_{JournalConfig{}};
  std::unique_ptr<FillForecast> forecast_;
  std::unique_ptr<storage::Journal> journal_;
  std::unique_ptr<JournalUpkeep> upkeep_;
};

TEST_F(JournalUpkeepTest, DeliveredHistoryIsKeptForItsTime) {
  keep_delivered(24h * 7);
  const auto old = history();
  upkeep_->round();
  pass(24h * 4, 30min);
  const auto young = history();
  pass(24h * 3 - 1h, 30min);
  EXPECT_TRUE(is_there(old));
  pass(6h, 30min);  // it is counted in steps of a 32nd of the time
  EXPECT_FALSE(is_there(old));
  EXPECT_TRUE(is_there(young));
  pass(24h * 3, 30min);
  EXPECT_TRUE(is_there(young));
  pass(24h + 6h, 30min);
  EXPECT_FALSE(is_there(young));
}

TEST_F(JournalUpkeepTest, WhatIsNotDeliveredIsKeptForEver) {
  keep_delivered(1h);
  const auto event = append();
  const auto number = journal_->admin().segments().back().number;
  ASSERT_TRUE(journal_->admin().rotate().ok());
  pass(24h * 30, 6h);
  EXPECT_TRUE(is_there(number));
  deliver(event);
  pass(10s, 1s);
  EXPECT_FALSE(is_there(number));
}

TEST_F(JournalUpkeepTest, ARestartCarriesTheAgeOn) {
  keep_delivered(24h);
  const auto number = history();
  upkeep_->round();
  pass(20h, 30min);
  open();
  pass(3h, 30min);
  EXPECT_TRUE(is_there(number));
  pass(3h, 30min);
  EXPECT_FALSE(is_there(number));
}

TEST_F(JournalUpkeepTest, AnotherTimeCountsFromItsReload) {
  keep_delivered(24h * 7);
  const auto number = history();
  upkeep_->round();
  pass(24h, 30min);
  EXPECT_TRUE(is_there(number));
  keep_delivered(12h);
  pass(1min, 1s);
  EXPECT_FALSE(is_there(number));
}

TEST_F(JournalUpkeepTest, RoundsAreHalvedWhereNothingMoves) {
  upkeep_->round();
  int done = 0;
  for (int second = 0; second < 3600; ++second) {
    time_.pass(1s);
    done += upkeep_->round() ? 1 : 0;
  }
  EXPECT_EQ(done, 1800);
  append();
  time_.pass(1s);
  EXPECT_TRUE(upkeep_->round());
  append();
  time_.pass(1s);
  EXPECT_TRUE(upkeep_->round());
}

TEST_F(JournalUpkeepTest, ForecastsFromWhatItSees) {
  JournalConfig config;
  config.free_bytes_min = 0;
  config.bytes_max = 64u << 20;
  config_.set(std::make_shared<const JournalConfig>(config));
  upkeep_->round();
  for (int minute = 0; minute < 5; ++minute) {
    for (int event = 0; event < 50; ++event) append();
    pass(1min, 1min);
  }
  const auto forecast = forecast_->forecast();
  EXPECT_GT(forecast.bytes_per_second, 0);
  ASSERT_TRUE(forecast.until_full.has_value());
  EXPECT_GT(*forecast.until_full, 1h);
  // Nothing comes any more.
  pass(2h, 1min);
  EXPECT_FALSE(forecast_->forecast().until_full.has_value());
}

}  // namespace
}  // namespace hookspool::agent
