#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "net/pg/link/pool.h"
#include "tests/support/cut_proxy.h"
#include "tests/support/free_port.h"
#include "tests/support/wait.h"
#include "tests/unit/net/pg_fixture.h"

namespace hookspool::net {
namespace {

using namespace std::chrono_literals;

class PgPoolTest : public PgTest {
 protected:
  PgOptions sized(std::size_t size) const {
    PgOptions sized = options();
    sized.pool_size = size;
    sized.application_name = "pool " + schema_;
    return sized;
  }
  static std::string pid(Connection& connection) { return value(connection, "SELECT pg_backend_pid()"); }
  // A clock that a test sets ahead: hours pass at once.
  Pool::Now ahead() {
    return [this] { return std::chrono::steady_clock::now() + ahead_.load(); };
  }
  std::atomic<std::chrono::steady_clock::duration> ahead_{};
  // Backends of this test's pool, as the server counts them.
  int backends() const {
    std::string name = sized(1).application_name;
    return std::stoi(
        cluster().value("SELECT count(*) FROM pg_stat_activity WHERE application_name = $$" + name + "$$"));
  }
};

TEST_F(PgPoolTest, ItsSizeIsNeverExceeded) {
  PgOptions small = sized(4);
  small.pre_ping = false;
  Pool pool(small);
  std::atomic<int> out = 0;
  std::atomic<int> out_max = 0;
  std::atomic<int> served = 0;
  {
    std::vector<std::jthread> borrowers;
    borrowers.reserve(30);
    for (int i = 0; i < 30; ++i) {
      borrowers.emplace_back([&] {
        for (int round = 0; round < 5; ++round) {
          auto lease = pool.acquire(soon());
          ASSERT_TRUE(lease.ok()) << lease.error().text;
          const int now = ++out;
          for (int seen = out_max; now > seen && !out_max.compare_exchange_weak(seen, now);) {
          }
          EXPECT_EQ(value(**lease, "SELECT 1 FROM pg_sleep(0.002)"), "1");
          ++served;
          --out;
        }
      });
    }
  }
  EXPECT_EQ(served, 150);
  EXPECT_EQ(out_max, 4);
  const PoolStats stats = pool.stats();
  EXPECT_EQ(stats.size, 4u);
  EXPECT_EQ(stats.open, 4u);
  EXPECT_EQ(stats.idle, 4u);
  EXPECT_EQ(stats.in_use, 0u);
  EXPECT_EQ(stats.connects, 4u);
  EXPECT_EQ(backends(), 4);
  EXPECT_NE(stats.server.find("TLSv1.3"), std::string::npos);
  pool.close_idle();
  EXPECT_EQ(pool.stats().open, 0u);
  EXPECT_TRUE(testing::wait_until(10s, [&] { return backends() == 0; }));
}

TEST_F(PgPoolTest, AFullPoolIsWaitedForUntilTheDeadline) {
  Pool pool(sized(1));
  std::optional<Pool::Lease> lease(pool.acquire(soon()).value());
  auto refused = pool.acquire(std::chrono::steady_clock::now() + 50ms);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().error_class, ErrorClass::kOutage);
  EXPECT_FALSE(refused.error().connection_lost);

  std::atomic<bool> got = false;
  std::jthread waiter([&] { got = pool.acquire(soon()).ok(); });
  lease.reset();
  EXPECT_TRUE(testing::wait_until(10s, [&] { return got.load(); }));
}

TEST_F(PgPoolTest, TheLastReturnedIsTheFirstLent) {
  Pool pool(sized(2));
  std::optional<Pool::Lease> one(pool.acquire(soon()).value());
  std::optional<Pool::Lease> two(pool.acquire(soon()).value());
  const std::string first = pid(**one);
  two.reset();
  one.reset();
  EXPECT_EQ(pid(*pool.acquire(soon()).value()), first);
}

TEST_F(PgPoolTest, OldConnectionsAreReplaced) {
  PgOptions of_an_hour = sized(1);
  of_an_hour.pool_recycle = 1h;
  Pool pool(of_an_hour, ahead());
  const std::string first = pid(*pool.acquire(soon()).value());
  ahead_ = 59min;
  EXPECT_EQ(pid(*pool.acquire(soon()).value()), first);
  EXPECT_EQ(pool.stats().recycled, 0u);
  ahead_ = 61min;
  EXPECT_NE(pid(*pool.acquire(soon()).value()), first);
  EXPECT_EQ(pool.stats().recycled, 1u);
  EXPECT_EQ(pool.stats().open, 1u);
}

TEST_F(PgPoolTest, WithoutARecycleTimeConnectionsAreKept) {
  PgOptions for_ever = sized(1);
  for_ever.pool_recycle = 0ms;
  Pool pool(for_ever, ahead());
  const std::string kept = pid(*pool.acquire(soon()).value());
  ahead_ = 24h * 365;
  EXPECT_EQ(pid(*pool.acquire(soon()).value()), kept);
  EXPECT_EQ(pool.stats().recycled, 0u);
}

TEST_F(PgPoolTest, OpenTransactionsAreRolledBackOnReturn) {
  make_schema();
  Pool pool(sized(1));
  std::string backend;
  {
    auto lease = pool.acquire(soon()).value();
    backend = pid(*lease);
    ASSERT_TRUE(lease->query("BEGIN; CREATE TABLE " + table("left_open") + " ()", soon()).ok());
  }
  {
    auto lease = pool.acquire(soon()).value();
    EXPECT_EQ(pid(*lease), backend);
    EXPECT_EQ(value(*lease, "SELECT to_regclass('" + table("left_open") + "')"), "NULL");
    ASSERT_FALSE(lease->query("BEGIN; SELECT 1/0", soon()).ok());
  }
  EXPECT_EQ(pid(*pool.acquire(soon()).value()), backend);
  EXPECT_EQ(pool.stats().resets, 2u);

  // A COPY cannot be rolled back by a statement: closed.
  {
    auto lease = pool.acquire(soon()).value();
    ASSERT_TRUE(lease->query("CREATE TABLE " + table("numbers") + " (n int)", soon()).ok());
    ASSERT_TRUE(lease->copy_start("COPY " + table("numbers") + " FROM STDIN", soon()).ok());
  }
  EXPECT_NE(pid(*pool.acquire(soon()).value()), backend);
}

TEST_F(PgPoolTest, WithoutResetATransactionIsNeverLentOn) {
  PgOptions careless = sized(1);
  careless.reset_on_return = false;
  Pool pool(careless);
  std::string backend;
  {
    auto lease = pool.acquire(soon()).value();
    backend = pid(*lease);
    ASSERT_TRUE(lease->query("BEGIN", soon()).ok());
  }
  EXPECT_NE(pid(*pool.acquire(soon()).value()), backend);
}

TEST_F(PgPoolTest, APingFindsTheDeadAndCondemnsItsElders) {
  Pool pool(sized(3));
  {
    auto one = pool.acquire(soon()).value();
    auto two = pool.acquire(soon()).value();
    auto three = pool.acquire(soon()).value();
  }
  ASSERT_EQ(pool.stats().idle, 3u);
  cluster().query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $$" +
                  sized(1).application_name + "$$");
  ASSERT_TRUE(testing::wait_until(10s, [&] { return backends() == 0; }));
  // Leases end in the reverse order of their beginning, so the eldest is lent, and it condemns itself only.
  auto lease = pool.acquire(soon());
  ASSERT_TRUE(lease.ok()) << lease.error().text;
  EXPECT_EQ(value(**lease, "SELECT 1"), "1");
  EXPECT_EQ(pool.stats().pre_ping_failures, 1u);
  auto next = pool.acquire(soon());
  ASSERT_TRUE(next.ok()) << next.error().text;
  EXPECT_EQ(value(**next, "SELECT 1"), "1");
}

TEST_F(PgPoolTest, WhatAnsweredJustNowIsNotAskedAgain) {
  testing::CutProxy proxy(cluster().port());
  PgOptions through = options(proxy.port());
  through.pool_size = 1;
  through.ping_after = 10min;
  through.pool_recycle = 0ms;
  Pool pool(through, ahead());
  EXPECT_EQ(value(**pool.acquire(soon()), "SELECT 1"), "1");
  // Bytes that lending it takes on the line to the server.
  const auto lent = [&] {
    const auto sent = proxy.counts().bytes_to_server;
    EXPECT_TRUE(pool.acquire(soon()).ok());
    return proxy.counts().bytes_to_server - sent;
  };
  ahead_ = 9min;
  EXPECT_EQ(lent(), 0u);
  ahead_ = 11min;
  EXPECT_GT(lent(), 0u);
}

TEST_F(PgPoolTest, ABrokenLeaseCondemnsItsElders) {
  PgOptions unasked = sized(4);
  unasked.pre_ping = false;
  Pool pool(unasked);
  std::optional<Pool::Lease> leased(pool.acquire(soon()).value());
  std::optional<Pool::Lease> idle(pool.acquire(soon()).value());
  std::optional<Pool::Lease> dead(pool.acquire(soon()).value());
  std::optional<Pool::Lease> younger(pool.acquire(soon()).value());
  const std::string younger_pid = pid(**younger);
  idle.reset();
  younger.reset();
  (*dead)->mark_broken();
  dead.reset();  // and with it the idle one; not the younger one
  PoolStats stats = pool.stats();
  EXPECT_EQ(stats.open, 2u);
  EXPECT_EQ(stats.idle, 1u);
  EXPECT_EQ(stats.condemned, 1u);
  EXPECT_EQ(value(**leased, "SELECT 1"), "1") << "a lease may be used to its end";
  leased.reset();
  stats = pool.stats();
  EXPECT_EQ(stats.open, 1u);
  EXPECT_EQ(stats.condemned, 2u);
  EXPECT_EQ(pid(*pool.acquire(soon()).value()), younger_pid);
}

TEST_F(PgPoolTest, ConnectFailuresGiveTheirSlotBack) {
  testing::CutProxy proxy(cluster().port());
  PgOptions through = options(proxy.port());
  through.pool_size = 1;
  Pool pool(through);
  proxy.refuse();
  for (int i = 0; i < 3; ++i) {
    auto refused = pool.acquire(soon());
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().error_class, ErrorClass::kOutage);
  }
  proxy.accept_again();
  EXPECT_TRUE(pool.acquire(soon()).ok());
  EXPECT_EQ(pool.stats().connect_failures, 3u);
  EXPECT_EQ(pool.stats().connects, 1u);
}

TEST_F(PgPoolTest, ASilentLineDoesNotOutliveTheDeadline) {
  testing::CutProxy proxy(cluster().port());
  PgOptions through = options(proxy.port());
  through.connect_timeout = 1s;
  through.ping_after = 0ms;
  Pool pool(through);
  ASSERT_TRUE(pool.acquire(soon()).ok());
  proxy.swallow_after(testing::Direction::kToClient);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(pool.acquire(soon()).ok());  // the ping, then the new connection
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
  EXPECT_EQ(pool.stats().pre_ping_failures, 1u);
  proxy.reset();
  EXPECT_TRUE(pool.acquire(soon()).ok());
}

TEST_F(PgPoolTest, AServerThatIsNotAdmittedIsPassedOver) {
  const std::string port = std::to_string(cluster().port());
  PgOptions two = sized(2);
  two.conninfo = "host=localhost,127.0.0.1 port=" + port + "," + port +
                 " dbname=hookspool user=hookspool password=" + testing::PgCluster::kPassword +
                 " sslmode=require";
  Pool pool(two);
  std::vector<std::string> asked;
  pool.set_admission([&](Connection& connection) -> PgResult<void> {
    asked.push_back(connection.server_description());
    if (asked.back().find("localhost:") == std::string::npos) return {};
    return fail(PgError{.error_class = ErrorClass::kSetup, .text = "the wrong one"});
  });
  {
    auto one = pool.acquire(soon());
    auto two_at_once = pool.acquire(soon());
    ASSERT_TRUE(one.ok()) << one.error().text;
    ASSERT_TRUE(two_at_once.ok());
    EXPECT_NE((*one)->server_description().find("127.0.0.1:"), std::string::npos);
  }
  EXPECT_EQ(asked.size(), 3u) << "the one that is admitted is the first to be tried from then on";
  EXPECT_EQ(pool.stats().open, 2u);
}

TEST_F(PgPoolTest, NoServerIsAdmitted) {
  Pool pool(sized(1));
  pool.set_admission([&](Connection&) -> PgResult<void> {
    return fail(PgError{.error_class = ErrorClass::kSetup, .text = "the wrong one"});
  });
  for (int i = 0; i < 2; ++i) {
    auto refused = pool.acquire(soon());
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().text, "the wrong one");
  }
  EXPECT_EQ(pool.stats().open, 0u);
  EXPECT_TRUE(testing::wait_until(10s, [&] { return backends() == 0; }));
}

// Last in this file: it restarts the cluster that all tests share.
TEST_F(PgPoolTest, SurvivesRestartsOfTheServer) {
  Pool pool(sized(3));
  for (const auto mode : {testing::StopMode::kFast, testing::StopMode::kImmediate}) {
    {
      auto one = pool.acquire(soon()).value();
      auto two = pool.acquire(soon()).value();
      auto three = pool.acquire(soon()).value();
    }
    cluster().restart(mode);
    for (int i = 0; i < 3; ++i) {
      auto lease = pool.acquire(soon());
      ASSERT_TRUE(lease.ok()) << lease.error().text;
      EXPECT_EQ(value(**lease, "SELECT 1"), "1");
    }
  }
  EXPECT_GE(pool.stats().pre_ping_failures, 2u);
}

}  // namespace
}  // namespace hookspool::net
