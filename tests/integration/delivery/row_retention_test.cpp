// keep_rows: old rows of the agent go in the background, and what must not go is named where an administrator looks.
#include "agent/delivery/row_retention.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "tests/integration/delivery/rig.h"
#include "tests/support/wait.h"

namespace hookspool::agent {
namespace {

using std::chrono::seconds;

class RowRetentionTest : public DeliveryTest {
 protected:
  RowRetentionTest() : life_(options()) {
    life_.begin();
    life_.append("a", 3, "young");
    life_.append("b", 2, "young");
    EXPECT_TRUE(life_.delivered());
    agent_ = life_.journal().agent_id();
  }
  // Rows of a source, `days` old and visible for as long.
  void old_rows(const std::string& source, int count, int days) const {
    run("INSERT INTO " + table("events") +
        " (id, agent_id, epoch, seq, source, received_at) SELECT gen_random_uuid(), '" + agent_ +
        "', gen_random_uuid(), n, '" + source + "', now() - " + std::to_string(days) +
        " * interval '1 day' FROM generate_series(1, " + std::to_string(count) + ") n");
    // In the order of their age, as if the young ones had come after them.
    run("WITH n AS (SELECT id, row_number() OVER (PARTITION BY feed ORDER BY received_at, id) AS arrival "
        "FROM " +
        table("events") + ") UPDATE " + table("events") +
        " e SET arrival = -n.arrival FROM n WHERE n.id = e.id;" + "UPDATE " + table("events") +
        " SET arrival = -arrival;");
    run("INSERT INTO " + table("retention") + " (feed, settled, coming) SELECT feed, arrival, arrival FROM " +
        table("feeds") + " ON CONFLICT (feed) DO UPDATE SET settled = EXCLUDED.settled");
  }
  PostgresConfig keeping(int days) const {
    PostgresConfig config;
    config.options.conninfo = conninfo_.empty() ? shared_cluster().conninfo() : conninfo_;
    config.options.schema = schema_;
    config.keep_rows = std::chrono::hours(24 * days);
    return config;
  }
  std::string rows(const std::string& source) const {
    return value("SELECT count(*) FROM " + table("events") + " WHERE source = '" + source + "'");
  }

  Life life_;
  std::string agent_, conninfo_;
};

TEST_F(RowRetentionTest, OldRowsGoInManyPiecesAndOtherAgentsStay) {
  old_rows("a", 1'200, 100);
  old_rows("b", 7, 100);
  run("INSERT INTO " + table("events") +
      " (id, agent_id, epoch, seq, source, received_at) VALUES (gen_random_uuid(), 'another', "
      "gen_random_uuid(), 1, 'a', now() - interval '100 days')");
  Current<PostgresConfig> config(keeping(90));
  RowRetention retention(config, agent_, [] { return true; });
  retention.start();
  retention.wake();
  life_.append("a", 5, "meanwhile");
  ASSERT_TRUE(testing::wait_until(seconds(60), [&] { return retention.status().round_at_us.has_value(); }));
  EXPECT_TRUE(life_.delivered());
  const auto status = retention.status();
  EXPECT_EQ(status.deleted, 1'207u);
  EXPECT_EQ(status.held_by, "");
  EXPECT_FALSE(status.error) << status.error->text;
  EXPECT_EQ(rows("a"), "9") << "eight young ones, and the other agent's";
  EXPECT_EQ(rows("b"), "2");
}

TEST_F(RowRetentionTest, AConsumerHoldsRowsBackUntilItHasReadThem) {
  old_rows("a", 20, 100);
  run("SELECT " + table("create_consumer") + "('billing', 'beginning')");
  Current<PostgresConfig> config(keeping(90));
  RowRetention retention(config, agent_, [] { return true; });
  retention.start();
  retention.wake();
  ASSERT_TRUE(testing::wait_until(seconds(60), [&] { return !retention.status().held_by.empty(); }));
  EXPECT_EQ(retention.status().held_by, "billing");
  EXPECT_EQ(retention.status().source, "a");
  EXPECT_EQ(rows("a"), "23");
  // It reads one source with each call.
  for (int i = 0; i < 3; ++i) run("SELECT count(*) FROM " + table("consume") + "('billing', 1000)");
  retention.wake();
  ASSERT_TRUE(testing::wait_until(seconds(60), [&] { return retention.status().deleted == 20; }));
  EXPECT_EQ(rows("a"), "3");
}

TEST_F(RowRetentionTest, ARoleThatMayNotDeleteIsToldWhatToGrantAndNothingElseStops) {
  old_rows("a", 20, 100);
  const std::string role = "keeper_" + schema_;
  run("CREATE ROLE " + role + " LOGIN PASSWORD 'x'; GRANT USAGE ON SCHEMA " + schema_ + " TO " + role +
      "; GRANT SELECT ON ALL TABLES IN SCHEMA " + schema_ + " TO " + role);
  conninfo_ = shared_cluster().conninfo_as(role, "x");
  Current<PostgresConfig> config(keeping(90));
  RowRetention retention(config, agent_, [] { return true; });
  retention.start();
  retention.wake();
  ASSERT_TRUE(testing::wait_until(seconds(60), [&] { return retention.status().error.has_value(); }));
  const std::string hint = retention.status().error->hint;
  ASSERT_NE(hint.find("GRANT EXECUTE ON FUNCTION"), std::string::npos) << hint;
  run(hint.substr(hint.find('\n') + 1));
  retention.wake();
  ASSERT_TRUE(testing::wait_until(seconds(60), [&] { return retention.status().deleted == 20; }));
  life_.append("a", 1, "after");
  EXPECT_TRUE(life_.delivered());
}

TEST_F(RowRetentionTest, NoRowGoesUnlessItIsAskedForAndAReloadIsHeeded) {
  old_rows("a", 20, 100);
  Current<PostgresConfig> config(keeping(0));
  std::atomic<bool> up = false;
  RowRetention retention(config, agent_, [&] { return up.load(); });
  retention.start();
  retention.wake();
  config.set(std::make_shared<const PostgresConfig>(keeping(101)));
  retention.wake();
  up = true;
  retention.wake();
  ASSERT_TRUE(testing::wait_until(seconds(60), [&] { return retention.status().round_at_us.has_value(); }));
  EXPECT_EQ(retention.status().deleted, 0u);
  EXPECT_EQ(rows("a"), "23");
  config.set(std::make_shared<const PostgresConfig>(keeping(99)));
  retention.wake();
  EXPECT_TRUE(testing::wait_until(seconds(60), [&] { return retention.status().deleted == 20; }));
}

// Deliveries, comparison and consumers on a table that is partitioned while they are at it.
TEST_F(RowRetentionTest, TheAgentDeliversIntoAPartitionedTable) {
  life_.append("a", 50, "before");
  run("SELECT " + table("partition_events") + "()");
  life_.append("a", 50, "after");
  ASSERT_TRUE(life_.delivered());
  EXPECT_EQ(rows("a"), "103");
  EXPECT_EQ(doubled(), "0");
  EXPECT_EQ(value("SELECT count(DISTINCT arrival) || ' ' || max(arrival) FROM " + table("events") +
                  " WHERE source = 'a'"),
            "103 103");
  EXPECT_EQ(life_.lanes().figures().errors_setup.load(), 0u);
}

}  // namespace
}  // namespace hookspool::agent
