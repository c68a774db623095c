// An outage of PostgreSQL, hour by hour, in simulated time.
#include "agent/delivery/uplink_state.h"

#include <gtest/gtest.h>

#include "tests/support/simulated_time.h"

namespace hookspool::agent {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr milliseconds kBackoffMin{250};
constexpr milliseconds kBackoffMax{60'000};

net::PgError outage(const std::string& text = "connection refused") {
  return {.text = text};
}
net::PgError setup() {
  return {.error_class = net::ErrorClass::kSetup, .text = "no such role", .hint = "CREATE ROLE"};
}

class UplinkStateTest : public ::testing::Test {
 protected:
  UplinkStateTest() { state_.begin(time_.now()); }
  UplinkState::Now now() const { return {time_.now(), time_.wall_clock_us()}; }
  UplinkStatus status() const { return state_.status(time_.now()); }
  milliseconds wait() const {
    return std::chrono::duration_cast<milliseconds>(state_.next_try() - time_.now());
  }

  testing::SimulatedTime time_;
  UplinkState state_{kBackoffMin, kBackoffMax};
};

TEST_F(UplinkStateTest, TheFirstTryIsDueAtOnceAndItsSuccessIsNoRecovery) {
  EXPECT_EQ(state_.next_try(), time_.now());
  EXPECT_FALSE(status().up);
  EXPECT_EQ(state_.connected("server", now()), "PostgreSQL is there: server");
  EXPECT_TRUE(status().up);
  EXPECT_EQ(status().up_since_us, time_.wall_clock_us());
  EXPECT_EQ(status().outages, 0u);
  EXPECT_EQ(status().last_outage, milliseconds(0));
}

// Each try at its time, all of them late draws: the waits double up to the limit and stay there.
TEST_F(UplinkStateTest, SixHoursAwayAreTriedByTheBackoffAndLoggedOnce) {
  state_.connected("server", now());
  time_.advance(hours(1));
  const auto down_since = time_.now();
  EXPECT_NE(state_.failed(outage(), now(), 0.999), "");
  milliseconds before = wait();
  EXPECT_LE(before, kBackoffMin);
  unsigned tries = 0;
  while (time_.now() - down_since < hours(6)) {
    time_.advance_to(state_.next_try());
    EXPECT_EQ(status().next_try_in, milliseconds(0));
    EXPECT_EQ(state_.failed(outage(), now(), 0.999), "") << "the log has it";
    tries += 1;
    EXPECT_LE(wait(), kBackoffMax);
    EXPECT_GE(wait(), before) << "try " << tries;
    before = wait();
  }
  EXPECT_GT(before, milliseconds(59'000));
  EXPECT_GT(tries, 360u);
  EXPECT_LT(tries, 375u) << "8 of them before the limit is reached";
  const auto down = status();
  EXPECT_FALSE(down.up);
  EXPECT_EQ(down.outages, 1u);
  EXPECT_EQ(down.tries_in_this_outage, tries);
  EXPECT_EQ(down.down_for, std::chrono::duration_cast<milliseconds>(time_.now() - down_since));
  EXPECT_EQ(down.last_error_at_us, time_.wall_clock_us());

  const std::string news = state_.connected("server", now());
  EXPECT_NE(news.find("away for 6 h"), std::string::npos) << news;
  EXPECT_NE(news.find(std::to_string(tries) + " tries failed"), std::string::npos) << news;
  EXPECT_EQ(status().last_outage, down.down_for);
  EXPECT_EQ(status().tries_in_this_outage, 0u);
}

TEST_F(UplinkStateTest, OutagesAddUp) {
  state_.connected("server", now());
  for (int i = 0; i < 24; ++i) {
    time_.advance(seconds(3'000));
    state_.failed(outage(), now(), 0.5);
    time_.advance(seconds(600));
    EXPECT_EQ(status().down_for, seconds(600));
    state_.connected("server", now());
  }
  EXPECT_EQ(status().outages, 24u);
  EXPECT_EQ(status().outage_total, hours(4));
  EXPECT_EQ(status().tries_failed, 0u) << "what finds an outage is no try";
}

TEST_F(UplinkStateTest, AnotherReasonIsLoggedOnceMore) {
  EXPECT_EQ(state_.failed(outage(), now(), 0.5), "PostgreSQL is away, journaling: connection refused");
  EXPECT_EQ(state_.failed(outage(), now(), 0.5), "");
  EXPECT_EQ(state_.failed(outage("timeout"), now(), 0.5), "PostgreSQL is away, journaling: timeout");
  EXPECT_EQ(state_.failed(setup(), now(), 0.5),
            "PostgreSQL needs an administrator: no such role\nCREATE ROLE");
  EXPECT_TRUE(status().needs_administrator);
  EXPECT_NE(state_.failed(outage(), now(), 0.5), "");
  EXPECT_FALSE(status().needs_administrator);
}

TEST_F(UplinkStateTest, WhatNeedsAnAdministratorIsNotTriedInMilliseconds) {
  state_.failed(setup(), now(), 0.999);
  EXPECT_GT(wait(), kBackoffMax / 4);
  state_.failed(setup(), now(), 0.0);
  EXPECT_GT(wait(), milliseconds(0)) << "and no draw makes it a busy loop";
}

TEST_F(UplinkStateTest, EachChangeMakesANewerStatus) {
  std::uint64_t changes = status().changes;
  const auto newer = [&] { return status().changes > std::exchange(changes, status().changes); };
  state_.failed(outage(), now(), 0.5);
  EXPECT_TRUE(newer());
  state_.connected("server", now());
  EXPECT_TRUE(newer());
  time_.advance(hours(1));
  EXPECT_FALSE(newer());
}

}  // namespace
}  // namespace hookspool::agent
