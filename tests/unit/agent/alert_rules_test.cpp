// When something is an alert, when it is over, and which sources are silent: weeks in simulated time.
#include "agent/alerts/alert_rules.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "agent/alerts/alert_outbox.h"
#include "agent/alerts/alert_transitions.h"
#include "agent/alerts/silence_file.h"
#include "tests/support/simulated_time.h"

namespace hookspool::agent {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class AlertRulesTest : public ::testing::Test {
 protected:
  AlertRules::Now now() const { return {time_.now(), time_.wall_clock_us()}; }
  // "offline", "offline over", "lane-blocked shop": what a look reports.
  std::vector<std::string> look() {
    std::vector<std::string> news;
    for (const Alert& alert :
         transitions_.look(rules_.look(facts_, config_, now()), time_.now(), time_.wall_clock_us())) {
      const std::string& subject = alert.condition.subject;
      news.push_back(std::string(alert_name(alert.condition.kind)) + (subject.empty() ? "" : " " + subject) +
                     (alert.resolved ? " over" : ""));
      last_ = alert;
    }
    return news;
  }
  std::vector<std::string> look_after(std::chrono::nanoseconds pause) {
    time_.advance(pause);
    return look();
  }
  using News = std::vector<std::string>;

  testing::SimulatedTime time_;
  AlertsConfig config_;
  AlertFacts facts_;
  AlertRules rules_;
  AlertTransitions transitions_;
  Alert last_;
};

TEST_F(AlertRulesTest, OnlyATransitionIsReported) {
  EXPECT_EQ(look(), News{});
  facts_.accepting = false;
  facts_.refusing_because = "the disk does not answer";
  EXPECT_EQ(look(), News{"failed"});
  EXPECT_NE(last_.condition.text.find("the disk does not answer"), std::string::npos);
  EXPECT_EQ(look_after(hours(5)), News{});
  facts_.full = true;  // another reason is another alert; the first is over after its pause
  EXPECT_EQ(look_after(seconds(1)), News{"refusing"});
  EXPECT_EQ(look_after(AlertTransitions::kOverAfter), News{"failed over"});
}

TEST_F(AlertRulesTest, AnOutageIsOneAfterItsTime) {
  facts_.postgres_up = false;
  facts_.pending = 7;
  facts_.down_for = config_.offline_after - seconds(1);
  EXPECT_EQ(look(), News{});
  facts_.down_for = config_.offline_after;
  EXPECT_EQ(look(), News{"offline"});
  EXPECT_NE(last_.condition.text.find("7 events wait"), std::string::npos);
  const auto began_us = time_.wall_clock_us();
  facts_.postgres_up = true;
  EXPECT_EQ(look_after(AlertTransitions::kOverAfter - seconds(1)), News{});
  EXPECT_EQ(look_after(seconds(1)), News{"offline over"});
  EXPECT_EQ(last_.since_us, began_us);
}

TEST_F(AlertRulesTest, WhatComesAndGoesIsOneAlert) {
  for (int i = 0; i < 100; ++i) {
    facts_.accepting = i % 2 == 0;
    facts_.full = true;
    EXPECT_EQ(look_after(seconds(30)), i == 1 ? News{"refusing"} : News{}) << i;
  }
  facts_.accepting = true;
  EXPECT_EQ(look_after(AlertTransitions::kOverAfter), News{"refusing over"});
}

TEST_F(AlertRulesTest, EachBlockedLaneIsOneUpToALimit) {
  facts_.blocked_lanes = {{"shop", "no such table", ""}};
  EXPECT_EQ(look(), News{"lane-blocked shop"});
  for (int i = 0; i < 30; ++i) facts_.blocked_lanes.push_back({"x" + std::to_string(i), "", ""});
  const auto news = look();
  EXPECT_EQ(news.size(), AlertRules::kLanesNamedMax);  // one of them is known, and one stands for the others
  EXPECT_EQ(news.back(), "lane-blocked other lanes");
  EXPECT_NE(last_.condition.text.find("11 further lanes"), std::string::npos) << last_.condition.text;
}

TEST_F(AlertRulesTest, ACountThatGrowsIsOverWhenItHasStopped) {
  facts_.dead_letters = 3;  // since the start, which a look may come after
  EXPECT_EQ(look(), News{"dead-letters"});
  facts_.dead_letters = 4;
  EXPECT_EQ(look_after(AlertRules::kGrowthOver - seconds(1)), News{});
  EXPECT_EQ(look_after(AlertRules::kGrowthOver - seconds(1)), News{}) << "it grew meanwhile";
  EXPECT_EQ(look_after(seconds(1)), News{});
  EXPECT_EQ(look_after(AlertTransitions::kOverAfter), News{"dead-letters over"});
  facts_.dead_letters = 9;
  facts_.lost = 1;
  EXPECT_EQ(look_after(seconds(1)), (News{"gaps", "dead-letters"}));
  EXPECT_NE(last_.condition.text.find("refused 5 events"), std::string::npos) << last_.condition.text;
}

TEST_F(AlertRulesTest, ACertificateAndAJournalAreReportedInTime) {
  facts_.until_full = hours(2);
  facts_.certificates = {{"intake", time_.wall_clock_us() / 1'000'000 + 15 * 24 * 3'600},
                         {"postgres", time_.wall_clock_us() / 1'000'000 + 100 * 24 * 3'600}};
  EXPECT_EQ(look(), News{});
  facts_.until_full = minutes(59);
  EXPECT_EQ(look(), News{"journal-nearly-full"});
  facts_.until_full.reset();
  EXPECT_EQ(look_after(hours(25)), (News{"certificate intake", "journal-nearly-full over"}));
  EXPECT_NE(last_.condition.hint.size(), 0u);
  facts_.certificates.front().not_after_s += 365 * 24 * 3'600;
  EXPECT_EQ(look_after(AlertTransitions::kOverAfter), News{"certificate intake over"});
}

// A source with an event each minute by day and none by night.
class SilentSourcesTest : public AlertRulesTest {
 protected:
  static constexpr int kNightHours = 8;

  void live(minutes duration, bool sends = true) {
    for (minutes passed{0}; passed < duration; ++passed) {
      time_.advance(minutes(1));
      const auto hour = time_.wall_clock_us() / 1'000'000 / 3'600 % 24;
      if (sends && hour >= kNightHours) facts_.sources.front().requests += 1;
      for (auto& line : look()) news_.push_back(std::move(line));
    }
  }
  // To the next time of day.
  void live_until(int hour) {
    while (time_.wall_clock_us() / 1'000'000 / 60 % (24 * 60) != hour * 60) live(minutes(1));
  }
  void SetUp() override { facts_.sources = {{"shop", 0}}; }
  News news_;
};

TEST_F(SilentSourcesTest, ANightIsNoSilenceAndAnHourByDayIs) {
  live_until(12);
  live(hours(8 * 24));
  EXPECT_EQ(news_, News{}) << "a week with its nights";
  live(minutes(14), false);
  EXPECT_EQ(news_, News{});
  live(minutes(2), false);
  EXPECT_EQ(news_, News{"source-silent shop"});
  live(hours(24), false);
  EXPECT_EQ(news_, News{"source-silent shop"}) << "once";
  live(minutes(30));
  EXPECT_EQ(news_, (News{"source-silent shop", "source-silent shop over"}));
  live_until(12);
  live(hours(24));
  live(minutes(16), false);
  EXPECT_EQ(news_.size(), 3u) << "a silence does not make the next one usual";
}

TEST_F(SilentSourcesTest, AFirstWeekTakesItsLongestPause) {
  live_until(12);
  live(hours(48));
  live(hours(15), false);
  EXPECT_EQ(news_, News{}) << "twice the longest pause of these days, a night, is not over";
  live(hours(2), false);
  EXPECT_EQ(news_, News{"source-silent shop"});
}

TEST_F(SilentSourcesTest, NothingIsSaidOfASourceThatIsNewOrRare) {
  live(hours(5));
  live(hours(18), false);
  EXPECT_EQ(news_, News{}) << "watched for less than a day";
  facts_.sources = {{"rare", 0}};
  live(hours(24), false);
  facts_.sources.front().requests += SilentSources::kEventsBefore - 1;
  live(hours(7 * 24), false);
  EXPECT_EQ(news_, News{});
}

// What was learned in a week counts after a restart, whose pause begins anew.
TEST_F(SilentSourcesTest, AreKnownAgainAfterARestart) {
  live_until(12);
  live(hours(7 * 24));
  const std::string text = silence_text(rules_.known_sources(time_.now()));
  rules_ = {};
  facts_.sources = {{"shop", 0}};
  rules_.restore_sources(silence_known(text), time_.now());
  live(hours(2));
  live(minutes(14), false);
  EXPECT_EQ(news_, News{});
  live(minutes(2), false);
  EXPECT_EQ(news_, News{"source-silent shop"});
}

TEST_F(SilentSourcesTest, AreKnownAsWellWhenTheFileIsReadLate) {
  live_until(12);
  live(hours(7 * 24));
  const auto known = silence_known(silence_text(rules_.known_sources(time_.now())));
  ASSERT_EQ(known.size(), 1u);
  rules_ = {};
  facts_.sources = {{"shop", 0}};
  live(minutes(10));
  rules_.restore_sources(known, time_.now());
  live(minutes(17), false);
  EXPECT_EQ(news_, News{"source-silent shop"});
}

TEST(SilenceFile, WhatIsNoneIsIgnoredAndWhatIsTooMuchLeftOut) {
  SilentSources::Known one{"a", SilentSources::Seconds(5), 7, SilentSources::Seconds(3), {}};
  one.hours[167] = 9;
  const std::string text = silence_text({one});
  const auto read = silence_known(text);
  ASSERT_EQ(read.size(), 1u);
  EXPECT_EQ(read.front().source, "a");
  EXPECT_EQ(read.front().watched.count(), 5);
  EXPECT_EQ(read.front().requests, 7u);
  EXPECT_EQ(read.front().longest.count(), 3);
  EXPECT_EQ(read.front().hours, one.hours);
  EXPECT_TRUE(silence_known("").empty());
  EXPECT_TRUE(silence_known(text.substr(1)).empty());
  EXPECT_TRUE(silence_known(R"({"version":2,"sources":{}})").empty());
  EXPECT_TRUE(silence_known(R"({"version":1,"sources":[1]})").empty());
  for (const std::string wrong : {"\"hours_s\":[0]", "\"hours_s\":7", "\"hours_s\":[-1]"})
    EXPECT_TRUE(silence_known(R"({"version":1,"sources":{"a":{"watched_s":1,"requests":1,"longest_s":1,)" +
                              wrong + "}}}")
                    .empty())
        << wrong;
  std::vector<SilentSources::Known> many(2'000, one);
  for (std::size_t i = 0; i < many.size(); ++i) many[i].source = "source-" + std::to_string(i);
  EXPECT_LE(silence_text(many).size(), 256u << 10);
  EXPECT_GE(silence_known(silence_text(many)).size(), 250u);
}

TEST(AlertOutbox, SendsInItsOrderAndTriesAgainLaterAndLater) {
  testing::SimulatedTime time;
  AlertOutbox outbox;
  EXPECT_FALSE(outbox.next(time.now()));
  EXPECT_FALSE(outbox.due());
  outbox.add({"one", {}}, time.now());
  outbox.add({"two", {}}, time.now());
  for (const auto wait : {seconds(1), seconds(2), seconds(4)}) {
    ASSERT_EQ(outbox.next(time.now())->id, "one");
    outbox.failed(time.now(), 1);
    time.advance(wait - std::chrono::milliseconds(1));
    EXPECT_FALSE(outbox.next(time.now())) << wait.count();
    time.advance(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(outbox.next(time.now())->id, "one");
  outbox.sent("one");
  EXPECT_EQ(outbox.next(time.now())->id, "two") << "at once, after a success";
  outbox.sent("two");
  EXPECT_EQ(outbox.waiting(), 0u);
  EXPECT_EQ(outbox.take_dropped(), 0u);
}

TEST(AlertOutbox, WhatIsTooManyOrTooOldIsDroppedAndCounted) {
  testing::SimulatedTime time;
  AlertOutbox outbox;
  for (std::size_t i = 0; i < AlertOutbox::kWaitingMax + 5; ++i)
    outbox.add({std::to_string(i), {}}, time.now());
  EXPECT_EQ(outbox.waiting(), AlertOutbox::kWaitingMax);
  EXPECT_EQ(outbox.take_dropped(), 5u);
  EXPECT_EQ(outbox.next(time.now())->id, "5");
  outbox.sent("4");  // was dropped while it was sent
  EXPECT_EQ(outbox.waiting(), AlertOutbox::kWaitingMax);
  time.advance(AlertOutbox::kAgeMax);
  EXPECT_FALSE(outbox.next(time.now()));
  EXPECT_EQ(outbox.take_dropped(), AlertOutbox::kWaitingMax);
}

TEST(AlertOutbox, KeepsToItsRate) {
  testing::SimulatedTime time;
  AlertOutbox outbox;
  std::size_t sent = 0;
  for (int second = 0; second < 60; ++second) {
    while (outbox.waiting() < 50) outbox.add({"x", {}}, time.now());
    while (outbox.next(time.now())) {
      outbox.sent("x");
      sent += 1;
    }
    time.advance(seconds(1));
  }
  EXPECT_LE(sent, static_cast<std::size_t>(AlertOutbox::kBurst + AlertOutbox::kPerMinute));
  EXPECT_GE(sent, static_cast<std::size_t>(AlertOutbox::kBurst));
}

}  // namespace
}  // namespace hookspool::agent
