// The journal's room as the agent sees it: what is configured, and how long it will last.
#include "agent/config/journal_limits.h"

#include <gtest/gtest.h>

#include "agent/upkeep/fill_forecast.h"

namespace hookspool::agent {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

Config parsed(const std::string& toml) {
  const auto config = parse_config(toml, "test.toml");
  EXPECT_TRUE(config.ok()) << (config.ok() ? "" : config.error().lines.front());
  return config.ok() ? *config : Config{};
}
storage::JournalOptions quota_of(const std::string& toml) {
  storage::JournalOptions options;
  set_quotas(parsed(toml), options);
  return options;
}

TEST(JournalSpace, AShareIsALimitOnlyWhereThereAreOthers) {
  const std::string journal = "[journal]\nmax_bytes = \"100MiB\"\n";
  const auto none = quota_of(journal);
  EXPECT_TRUE(none.lane_quotas.empty());
  EXPECT_EQ(none.other_quota.bytes_max, 50 * kMiB);
  EXPECT_EQ(none.bytes_max, 100 * kMiB);
  const auto one = quota_of(journal + "[sources.a]\n");
  EXPECT_EQ(one.lane_quotas.at("a").bytes_max, UINT64_MAX);
  const auto two =
      quota_of(journal + "source_share_max = 0.25\n[sources.a]\n[sources.b]\nmax_bytes = \"1MiB\"\n");
  EXPECT_EQ(two.lane_quotas.at("a").bytes_max, 25 * kMiB);
  EXPECT_EQ(two.lane_quotas.at("b").bytes_max, kMiB);
  EXPECT_EQ(two.other_quota.bytes_max, UINT64_MAX) << "what is in the journal of a source that is gone";
}

TEST(JournalSpace, ASourceOfWhichNothingIsKnownIsRefusedLast) {
  const auto room =
      quota_of("[sources.a]\n[sources.b]\nsender_retries = true\n[sources.c]\nsender_retries = false\n");
  EXPECT_FALSE(room.lane_quotas.at("a").sender_retries);
  EXPECT_TRUE(room.lane_quotas.at("b").sender_retries);
  EXPECT_FALSE(room.lane_quotas.at("c").sender_retries);
}

TEST(JournalSpace, WhatIsKnownOfASenderIsTheDefault) {
  const auto retries = [](const std::string& verify, std::optional<bool> configured = {}) {
    SourceConfig source;
    source.verify = verify;
    source.sender_retries = configured;
    return sender_retries(source);
  };
  for (const char* verify : {"stripe", "shopify", "standard-webhooks", "pagerduty"})
    EXPECT_TRUE(retries(verify)) << verify;
  for (const char* verify : {"none", "github", "gitlab", "twilio", "hmac", "token"})
    EXPECT_FALSE(retries(verify)) << verify;
  EXPECT_FALSE(retries("stripe", false));
  EXPECT_TRUE(retries("github", true));
}

TEST(JournalSpace, FaultsOfTheConfigurationNameTheKeyAndTheRemedy) {
  const auto config = parse_config(
      "[journal]\nmax_bytes = \"100MiB\"\nsource_share_max = 1.5\n"
      "[sources.a]\nmax_bytes = \"200MiB\"\nsender_retries = \"yes\"\n",
      "test.toml");
  ASSERT_FALSE(config.ok());
  ASSERT_EQ(config.error().lines.size(), 3u);
  EXPECT_EQ(
      config.error().lines[0],
      "test.toml:3:20: journal.source_share_max: needs a share from 0.01 to 1, without quotes, as in 0.5");
  EXPECT_NE(config.error().lines[1].find("sources.a.max_bytes: \"200MiB\" is not a size from"),
            std::string::npos);
  EXPECT_NE(config.error().lines[2].find("sources.a.sender_retries: needs true or false"), std::string::npos);
  for (const char* share : {"0", "nan", "inf", "-0.5", "\"0.5\"", "true"}) {
    EXPECT_FALSE(parse_config(std::string("[journal]\nsource_share_max = ") + share + "\n", "t").ok())
        << share;
  }
  EXPECT_TRUE(parse_config("[journal]\nsource_share_max = 1\n", "t").ok());
}

storage::SegmentInfo segment(std::uint64_t bytes, bool delivered, bool active = false) {
  storage::SegmentInfo info;
  info.bytes = bytes;
  info.events = 1;
  info.delivered = delivered;
  info.active = active;
  return info;
}

TEST(FillFacts, WhatCanBeShedIsRoom) {
  JournalConfig config;
  config.bytes_max = 1'000;
  config.free_bytes_min = 100;
  storage::JournalStats stats;
  stats.bytes = 600;
  stats.pending_bytes = 250;
  stats.free_bytes = 10'000;
  const std::vector segments{segment(200, true), segment(200, false), segment(200, false, true)};
  EXPECT_EQ(fill_facts(segments, stats, config).kept, 400u);
  EXPECT_EQ(fill_facts(segments, stats, config).left, 600u);
  stats.free_bytes = 150;  // and 200 that can be shed
  EXPECT_EQ(fill_facts(segments, stats, config).left, 250u);
  stats.pending_bytes = 10;
  EXPECT_EQ(fill_facts(segments, stats, config).kept, 210u) << "of the current segment only what waits";
  stats.free_bytes = 0;
  config.free_bytes_min = 10'000;
  EXPECT_EQ(fill_facts(segments, stats, config).left, 0u);
}

class Forecast : public ::testing::Test {
 protected:
  // A second passes; `grown` bytes more cannot be shed.
  void second(std::int64_t grown) {
    now_ += std::chrono::seconds(1);
    kept_ = static_cast<std::uint64_t>(static_cast<std::int64_t>(kept_) + grown);
    forecast_.sample(now_, {kept_, kRoom - kept_});
  }
  std::optional<double> seconds_left() const {
    const auto left = forecast_.forecast().until_full;
    return left ? std::optional(left->count()) : std::nullopt;
  }
  static constexpr std::uint64_t kRoom = 1'000'000'000;
  FillForecast::Clock::time_point now_ = FillForecast::Clock::now();
  std::uint64_t kept_ = 0;
  FillForecast forecast_;
};

TEST_F(Forecast, OfASteadyRateIsExactFromTheSecondSampleOn) {
  forecast_.sample(now_, {0, kRoom});
  EXPECT_FALSE(seconds_left());
  for (int i = 1; i <= 200; ++i) {
    second(1'000'000);
    ASSERT_TRUE(seconds_left());
    EXPECT_NEAR(*seconds_left(), 1'000 - i, 0.5);
  }
}

TEST_F(Forecast, FollowsAChangeWithinAFewMinutes) {
  forecast_.sample(now_, {0, kRoom});
  for (int i = 0; i < 60; ++i) second(1'000'000);
  for (int i = 0; i < 60; ++i) second(0);
  EXPECT_LT(forecast_.forecast().bytes_per_second, 400'000);
  for (int i = 0; i < 60; ++i) second(-900'000);
  EXPECT_FALSE(seconds_left()) << "it is emptying";
  EXPECT_LT(forecast_.forecast().bytes_per_second, 0);
}

TEST_F(Forecast, WarnsBelowAnHourAndBelowTenMinutesOnce) {
  forecast_.sample(now_, {0, kRoom});
  std::vector<double> told_at;
  for (int i = 0; i < 1'900; ++i) {
    second(500'000);  // full after 2,000 s
    if (const auto news = forecast_.news()) {
      EXPECT_NE(news->find("PostgreSQL"), std::string::npos);
      told_at.push_back(*seconds_left());
    }
  }
  ASSERT_EQ(told_at.size(), 2u);
  EXPECT_NEAR(told_at[0], 1'985, 3) << "not before it has been watched for a while";
  EXPECT_NEAR(told_at[1], 600, 2);
  for (int i = 0; i < 600; ++i) second(-1'000'000);
  EXPECT_FALSE(forecast_.news());
  std::size_t again = 0;
  for (int i = 0; i < 1'000; ++i) {
    second(600'000);
    if (forecast_.news()) ++again;
  }
  EXPECT_GE(again, 1u) << "after it has had room again, the next time is news";
}

TEST_F(Forecast, AClockThatStandsStillChangesNothing) {
  forecast_.sample(now_, {0, kRoom});
  second(1'000);
  const double before = forecast_.forecast().bytes_per_second;
  forecast_.sample(now_, {500'000, kRoom});
  EXPECT_EQ(forecast_.forecast().bytes_per_second, before);
}

}  // namespace
}  // namespace hookspool::agent
