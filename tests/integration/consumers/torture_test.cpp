// Exactly once, in order, whatever ends in between: consume() under deliveries that are as hostile to a reader as they can
// be, foreign transactions, killed workers and sessions, a dump that is restored, and a failover that loses commits.
// HOOKSPOOL_TORTURE_SECONDS: how long the first part lasts (5 unless set); HOOKSPOOL_SEED: again with that seed.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>

#include "net/pg/tables/schema.h"
#include "tests/integration/consumers/readers.h"
#include "tests/integration/consumers/sources.h"
#include "tests/support/pg_cluster.h"
#include "tests/support/pg_programs.h"
#include "tests/support/process.h"
#include "tests/support/wait.h"

namespace hookspool::testing {
namespace {

using namespace std::chrono_literals;

std::chrono::seconds duration() {
  const char* seconds = std::getenv("HOOKSPOOL_TORTURE_SECONDS");
  return std::chrono::seconds(seconds != nullptr ? std::atoi(seconds) : 5);
}

unsigned seed() {
  const char* given = std::getenv("HOOKSPOOL_SEED");
  return given != nullptr ? static_cast<unsigned>(std::atoi(given)) : std::random_device{}() % 100'000;
}

net::PgOptions writer_options(const PgCluster& cluster) {
  net::PgOptions options;
  options.conninfo = cluster.conninfo();
  options.application_name = "torture-writer";
  return options;
}

void make_schema(const PgCluster& cluster) {
  const net::PgOptions options = writer_options(cluster);
  auto connection = net::Connection::connect(options);
  ASSERT_TRUE(connection.ok()) << connection.error().text;
  const auto made = net::ensure_schema(**connection, options);
  ASSERT_TRUE(made.ok()) << made.error().text;
  make_application(cluster.conninfo());
}

// A transaction of another application with an id of its own, which stays open: what would hold readers by xmin up.
class Foreigner {
 public:
  explicit Foreigner(const PgCluster& cluster) {
    net::PgOptions options = writer_options(cluster);
    options.application_name = "foreigner";
    auto connection = net::Connection::connect(options);
    if (!connection) throw std::runtime_error(connection.error().text);
    connection_ = std::move(*connection);
    const auto open =
        connection_->query("BEGIN; SELECT pg_current_xact_id()", std::chrono::steady_clock::now() + 10s);
    if (!open) throw std::runtime_error(open.error().text);
  }

 private:
  std::unique_ptr<net::Connection> connection_;
};

void expect_exactly_once(const PgCluster& cluster, std::size_t distinct) {
  const WhatWasRead result = outcome(cluster.superuser_conninfo());
  EXPECT_EQ(result.rows + result.dead_letters, distinct) << result.text();
  EXPECT_EQ(result.lost, 0u) << result.text();
  EXPECT_EQ(result.twice, 0u) << result.text();
  EXPECT_EQ(result.unknown, 0u) << result.text();
  EXPECT_EQ(result.out_of_order, 0u) << result.text();
  EXPECT_EQ(result.broken_feeds, 0u) << result.text();
}

class TortureTest : public ::testing::Test {
 protected:
  // Deliveries, workers and disturbances for `how_long`; then all is delivered and read. How many workers were killed.
  std::uint64_t torture(PgCluster& cluster, Sources& sources, std::chrono::milliseconds how_long) {
    Workers workers(cluster.conninfo(), cluster.superuser_conninfo(), seed_);
    sources.start();
    const auto end = std::chrono::steady_clock::now() + how_long;
    while (std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(150ms);
      workers.disturb();
    }
    sources.finish();
    EXPECT_TRUE(workers.finish(60s)) << "the workers do not get to the end";
    return workers.kills();
  }

  const unsigned seed_ = seed();
};

TEST_F(TortureTest, EveryRowIsDoneOnceInOrderWhateverEnds) {
  RecordProperty("seed", std::to_string(seed_));
  std::printf("HOOKSPOOL_SEED=%u\n", seed_);
  PgCluster primary({.config = {"max_prepared_transactions = 2"}});
  make_schema(primary);
  auto sources = std::make_unique<Sources>(writer_options(primary), seed_);
  {
    const Foreigner foreigner(primary);
    primary.query("CREATE TABLE prepared (n integer)");
    primary.query("BEGIN; INSERT INTO prepared VALUES (1); PREPARE TRANSACTION 'left'");
    NaiveReader naive(primary.superuser_conninfo());
    EXPECT_GT(torture(primary, *sources, duration()), 0u);
    naive.stop();
    const auto& figures = sources->figures();
    EXPECT_GT(figures.committed, 50u);
    EXPECT_GT(figures.late, 0u);
    EXPECT_GT(figures.ahead, 0u);
    const WhatWasRead result = outcome(primary.superuser_conninfo());
    std::printf("%s; by id > last: %llu lost\n", result.text().c_str(),
                static_cast<unsigned long long>(result.rows - naive.rows()));
    EXPECT_LT(naive.rows(), result.rows) << "not hostile enough: a naive reader lost nothing";
    primary.query("ROLLBACK PREPARED 'left'");
  }
  expect_exactly_once(primary, sources->distinct());

  // A standby that lacks what was delivered and done last becomes the primary.
  const auto standby = PgCluster::standby_of(primary);
  standby->wait_replayed(primary);
  standby->stop_receiving();
  torture(primary, *sources, 500ms);
  expect_exactly_once(primary, sources->distinct());
  const std::string had = primary.value("SELECT count(*) FROM hookspool.events");
  primary.stop(StopMode::kImmediate);
  standby->promote();
  EXPECT_LT(std::stoull(standby->value("SELECT count(*) FROM hookspool.events")), std::stoull(had));
  sources->go_on_at(writer_options(*standby));
  torture(*standby, *sources, 500ms);
  expect_exactly_once(*standby, sources->distinct());

  // A dump, restored into a fresh cluster with transaction ids of its own.
  PgCluster restored;
  const auto dump = standby->folder() / "dump.sql";
  run_checked({.argv = {pg_program("pg_dump"), "-d", standby->superuser_conninfo(), "-f", dump.string()}});
  run_checked({.argv = {pg_program("psql"), "-q", "-v", "ON_ERROR_STOP=1", "-d",
                        restored.superuser_conninfo(), "-f", dump.string()}});
  sources->go_on_at(writer_options(restored));
  torture(restored, *sources, 500ms);
  expect_exactly_once(restored, sources->distinct());
}

// The check finds a consume() that does not hold the feed while it reads.
TEST_F(TortureTest, AReaderWithoutTheLockIsFound) {
  PgCluster cluster;
  make_schema(cluster);
  std::string broken = cluster.value("SELECT pg_get_functiondef('hookspool.consume'::regproc)");
  const std::string lock = "FOR UPDATE OF p SKIP LOCKED";
  ASSERT_NE(broken.find(lock), std::string::npos);
  broken.erase(broken.find(lock), lock.size());
  cluster.query(broken);
  Sources sources(writer_options(cluster), seed_);
  torture(cluster, sources, 2s);
  const WhatWasRead result = outcome(cluster.superuser_conninfo());
  std::printf("%s\n", result.text().c_str());
  EXPECT_GT(result.twice + result.lost + result.out_of_order, 0u);
}

}  // namespace
}  // namespace hookspool::testing
