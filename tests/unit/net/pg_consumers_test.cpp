// Reading by consume(), as an application's role with nothing but the grants that POSTGRES.md names.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "net/pg/ledger/consumer_lag.h"
#include "net/pg/tables/schema_text.h"
#include "tests/unit/net/pg_fixture.h"

namespace hookspool::net {
namespace {

class PgConsumersTest : public PgTest {
 protected:
  PgConsumersTest() : agent_(connect()) {
    make_schema();
    role_ = "App " + schema_;
    cluster().query("CREATE ROLE " + quote_identifier(role_) + " LOGIN PASSWORD 'x';" +
                    with_schema("GRANT USAGE ON SCHEMA ", schema_) + quote_identifier(schema_) + " TO " +
                    quote_identifier(role_) + ";GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA " +
                    quote_identifier(schema_) + " TO " + quote_identifier(role_) + ";" +
                    with_schema("GRANT SELECT ON S.consumer_lag, S.overview TO ", schema_) +
                    quote_identifier(role_));
    app_ = worker();
  }
  std::unique_ptr<Connection> worker() const {
    PgOptions limited = options();
    limited.conninfo = cluster().conninfo_as("'" + role_ + "'", "x");
    return connect(limited);
  }
  std::string sql(const std::string& text) const { return with_schema(text, schema_); }
  // One value, or "ERROR ..." ; S is the schema.
  std::string ask(Connection& connection, const std::string& text) const {
    return value(connection, sql(text));
  }
  std::string ask(const std::string& text) const { return ask(*app_, text); }
  void run(Connection& connection, const std::string& text) const {
    const auto done = connection.query(sql(text), soon());
    EXPECT_TRUE(done.ok()) << text << ": " << done.error().text;
  }
  void run(const std::string& text) const { run(*app_, text); }
  // What one call gives, as "source:seq" in the order in which it comes.
  std::string consume(Connection& connection, int max = 100) const {
    const auto rows = connection.query(
        sql("SELECT source || ':' || seq FROM S.consume('billing', " + std::to_string(max) + ")"), soon());
    if (!rows) return "ERROR " + rows.error().sqlstate;
    std::string all;
    for (const auto& row : rows->rows) all += (all.empty() ? "" : " ") + row[0].value_or("");
    return all;
  }
  std::string consume(int max = 100) const { return consume(*app_, max); }
  void arrive(Lane& lane, int count) {
    for (int i = 0; i < count; ++i) lane.add("{}");
    const auto delivered = deliver(*agent_, options(), lane, 1000);
    ASSERT_TRUE(delivered.ok()) << delivered.error().text;
  }
  static std::string id(const Lane& lane, std::uint64_t seq) {
    return "'" + lane.events[seq - 1]->id.to_string() + "'";
  }
  // Ends the backoff of a feed that failed.
  void skip_backoff() { run(*agent_, "UPDATE S.positions SET not_before = now() WHERE not_before > now()"); }

  std::unique_ptr<Connection> agent_, app_;
  std::string role_;
};

TEST_F(PgConsumersTest, EveryRowOnceInOrderAndItIsTheCommitThatSaysSo) {
  Lane lane;
  arrive(lane, 5);
  EXPECT_EQ(ask("SELECT S.create_consumer('billing', 'beginning')"), "t");
  EXPECT_EQ(ask("SELECT S.create_consumer('billing', 'now', '{other}')"), "f") << "it stays as it is";
  EXPECT_EQ(consume(2), "github:1 github:2");
  run("BEGIN");
  EXPECT_EQ(consume(2), "github:3 github:4");
  EXPECT_EQ(consume(2), "github:5") << "more in the same transaction";
  run("ROLLBACK");
  run("BEGIN");
  EXPECT_EQ(consume(1), "github:3");
  run("SAVEPOINT s");
  EXPECT_EQ(consume(9), "github:4 github:5");
  run("ROLLBACK TO s");
  EXPECT_EQ(consume(1), "github:4");
  run("COMMIT");
  EXPECT_EQ(consume(), "github:5");
  EXPECT_EQ(consume(), "");
  arrive(lane, 1);
  EXPECT_EQ(consume(), "github:6");
}

TEST_F(PgConsumersTest, RowsThatComeLateUnderOldIdsAreRead) {
  Lane old_ids, new_ids;
  for (int i = 0; i < 3; ++i) old_ids.add("{}");
  arrive(new_ids, 2);
  run("SELECT S.create_consumer('billing', 'beginning')");
  EXPECT_EQ(consume(), "github:1 github:2");
  arrive(old_ids, 0);
  EXPECT_EQ(
      ask(*agent_,
          "SELECT bool_and(o.id < n.id) FROM S.events o, S.events n WHERE o.arrival > 2 AND n.arrival <= 2"),
      "t");
  EXPECT_EQ(consume(), "github:1 github:2 github:3");
}

TEST_F(PgConsumersTest, AFeedIsOneWorkersAtATimeAndOthersGoToOtherFeeds) {
  Lane github, stripe("stripe");
  arrive(github, 3);
  arrive(stripe, 2);
  run("SELECT S.create_consumer('billing', 'beginning')");
  auto second = worker(), third = worker();
  run("BEGIN");
  run(*second, "BEGIN");
  run(*third, "BEGIN");
  const std::string mine = consume(1), others = consume(*second, 1);
  EXPECT_NE(mine.substr(0, 6), others.substr(0, 6)) << mine << " and " << others;
  EXPECT_EQ(consume(*third), "") << "both are taken";
  run("ROLLBACK");
  EXPECT_EQ(consume(*third, 1), mine);
  run(*third, "COMMIT");
  run(*second, "COMMIT");
  EXPECT_NE(consume(), "");
}

TEST_F(PgConsumersTest, WhereItStartsAndWhatItReads) {
  Lane github, stripe("stripe"), late("late");
  arrive(github, 3);
  run("SELECT S.create_consumer('billing')");
  EXPECT_EQ(consume(), "") << "from now on";
  arrive(late, 2);
  EXPECT_EQ(consume(), "late:1 late:2") << "a source that comes later is read from its beginning";
  run("SELECT S.seek('billing', 'beginning')");
  EXPECT_EQ(consume(), "github:1 github:2 github:3");
  EXPECT_EQ(consume(), "late:1 late:2");
  run("SELECT S.seek('billing', 'now')");
  EXPECT_EQ(consume(), "");
  // received_at of number n is 1795000000 s + n us; ids are random here, so the earliest time that ids allow.
  EXPECT_EQ(ask("SELECT S.seek('billing', '1970-01-01 00:00+00')"), "");
  EXPECT_NE(consume(), "");
  run("SELECT S.seek('billing', '2300-01-01 00:00+00')");
  EXPECT_EQ(consume(), "") << "nothing is as young as that: it is now";
  EXPECT_EQ(ask("SELECT S.seek('billing', 'yesterdayish')").substr(0, 11), "ERROR 22007");
  run("SELECT S.drop_consumer('billing')");
  EXPECT_EQ(consume(), "ERROR P0002");
  run("SELECT S.create_consumer('billing', 'beginning', '{stripe}')");
  EXPECT_EQ(consume(), "");
  arrive(stripe, 1);
  EXPECT_EQ(consume(), "stripe:1");
  EXPECT_EQ(consume(), "");
}

TEST_F(PgConsumersTest, WhatFailsIsTriedAgainInItsPlaceAndSkippedAtLast) {
  Lane github, stripe("stripe");
  arrive(github, 4);
  run("SELECT S.create_consumer('billing', 'beginning', NULL, 3)");
  for (int attempt = 1; attempt <= 2; ++attempt) {
    run("BEGIN");
    EXPECT_EQ(consume(), attempt == 1 ? "github:1 github:2 github:3 github:4" : "github:2 github:3 github:4");
    EXPECT_EQ(ask("SELECT S.failed('billing', " + id(github, 2) + ", 'no such customer')"), "f");
    run("COMMIT");
    EXPECT_EQ(consume(), "") << "the feed waits";
    EXPECT_EQ(ask("SELECT not_before > now() FROM S.consumer_lag WHERE source = 'github'"), "t");
    EXPECT_EQ(ask("SELECT waiting FROM S.consumer_lag WHERE source = 'github'"), "3")
        << "the first is done, what comes after it put back";
    arrive(stripe, 1);
    EXPECT_EQ(consume(), "stripe:" + std::to_string(attempt)) << "another feed does not wait";
    skip_backoff();
  }
  run("BEGIN");
  EXPECT_EQ(consume(), "github:2 github:3 github:4");
  EXPECT_EQ(ask("SELECT S.failed('billing', " + id(github, 2) + ", 'no such customer')"), "t");
  run("COMMIT");
  EXPECT_EQ(consume(), "") << "2 is skipped, 3 and 4 are done";
  EXPECT_EQ(ask("SELECT skipped FROM S.consumer_lag WHERE source = 'github'"), "1");
  EXPECT_EQ(ask(*agent_, "SELECT attempts || reason FROM S.failures"), "3no such customer");
  EXPECT_EQ(ask("SELECT seq FROM S.retry('billing', " + id(github, 2) + ")"), "2");
  EXPECT_EQ(ask("SELECT count(*) FROM S.retry('billing', " + id(github, 2) + ")"), "0") << "once";
  EXPECT_EQ(ask(*agent_, "SELECT count(*) FROM S.failures"), "0");
}

TEST_F(PgConsumersTest, AFailureThatIsReportedAfterTheRollbackCountsAsWell) {
  Lane lane;
  arrive(lane, 2);
  run("SELECT S.create_consumer('billing', 'beginning', NULL, 2)");
  run("BEGIN");
  EXPECT_EQ(consume(), "github:1 github:2");
  run("ROLLBACK");
  EXPECT_EQ(ask("SELECT S.failed('billing', " + id(lane, 1) + ")"), "f");
  EXPECT_EQ(consume(), "");
  skip_backoff();
  run("BEGIN");
  EXPECT_EQ(consume(), "github:1 github:2");
  run("ROLLBACK");
  EXPECT_EQ(ask("SELECT S.failed('billing', " + id(lane, 1) + ")"), "t") << "its second attempt: skipped";
  EXPECT_EQ(consume(), "github:2");
  EXPECT_EQ(ask("SELECT S.failed('billing', " + id(lane, 2) + ")"), "f") << "done by another transaction";
  EXPECT_EQ(consume(), "") << "and stays done";
}

TEST_F(PgConsumersTest, WhatFailedOnceAndWasDoneThenIsForgotten) {
  Lane lane;
  arrive(lane, 1);
  run("SELECT S.create_consumer('billing', 'beginning')");
  run("BEGIN");
  EXPECT_EQ(consume(), "github:1");
  run("SELECT S.failed('billing', " + id(lane, 1) + ", 'moment')");
  run("COMMIT");
  skip_backoff();
  EXPECT_EQ(consume(), "github:1");
  arrive(lane, 1);
  EXPECT_EQ(consume(), "github:2");
  EXPECT_EQ(ask(*agent_, "SELECT count(*) FROM S.failures"), "0");
}

TEST_F(PgConsumersTest, AnEventThatKillsItsWorkersIsPassedOverByHand) {
  Lane lane;
  arrive(lane, 3);
  run("SELECT S.create_consumer('billing', 'beginning')");
  run("SELECT S.skip('billing', " + id(lane, 2) + ", 'kills the worker')");
  EXPECT_EQ(consume(), "github:1 github:3");
  EXPECT_EQ(ask("SELECT S.skip('billing', " + id(lane, 1) + ")").substr(0, 11), "ERROR P0002")
      << "it is done";
  EXPECT_EQ(ask("SELECT seq FROM S.retry('billing', " + id(lane, 2) + ")"), "2");
  run("SELECT S.seek('billing', 'beginning')");
  EXPECT_EQ(consume(), "github:1 github:2 github:3");
}

TEST_F(PgConsumersTest, RowsThatWereDeletedBeforeTheyWereReadAreCounted) {
  Lane lane;
  arrive(lane, 6);
  run("SELECT S.create_consumer('billing', 'beginning')");
  run(*agent_, "DELETE FROM S.events WHERE arrival IN (1, 2, 4)");
  EXPECT_EQ(consume(1), "github:3");
  EXPECT_EQ(consume(), "github:5 github:6");
  EXPECT_EQ(ask("SELECT lost FROM S.consumer_lag"), "3");
  arrive(lane, 2);
  run(*agent_, "DELETE FROM S.events WHERE arrival > 6");
  EXPECT_EQ(consume(), "");
  EXPECT_EQ(ask("SELECT lost || ' ' || waiting FROM S.consumer_lag"), "5 0");
}

TEST_F(PgConsumersTest, AnotherIsolationLevelFailsRatherThanReadingTwice) {
  Lane lane;
  arrive(lane, 2);
  run("SELECT S.create_consumer('billing', 'beginning')");
  run("BEGIN ISOLATION LEVEL REPEATABLE READ");
  run("SELECT 1 FROM S.overview");
  auto second = worker();
  EXPECT_EQ(consume(*second), "github:1 github:2");
  EXPECT_EQ(consume(), "ERROR 40001");
  run("ROLLBACK");
  run("BEGIN ISOLATION LEVEL SERIALIZABLE");
  EXPECT_EQ(consume(), "");
  run("COMMIT");
}

TEST_F(PgConsumersTest, TheViewsSayWhatIsWaiting) {
  Lane lane;
  arrive(lane, 4);
  run("SELECT S.create_consumer('billing', 'beginning')");
  EXPECT_EQ(consume(1), "github:1");
  EXPECT_EQ(ask("SELECT concat_ws(' ', consumer, source, agent_id, arrival, waiting, lost, skipped,"
                " extract(epoch FROM oldest)) FROM S.consumer_lag"),
            "billing github edge-1 1 3 0 0 1795000000.000002");
  EXPECT_EQ(ask("SELECT concat_ws(' ', source, agent, rows_in_events, dead_letters, lost_on_disk, consumers)"
                " FROM S.overview"),
            "github edge-1 4 0 0 billing: 3 waiting, 0 skipped");
  EXPECT_EQ(ask("SELECT delivered_at > now() - interval '1 min' AND newest_received_at IS NOT NULL FROM "
                "S.overview"),
            "t");
}

TEST_F(PgConsumersTest, TheLagOfAnAgentsRowsIsAddedUpByConsumer) {
  const auto totals = [&](const std::string& agent_id, std::size_t consumers_max) {
    auto read = read_consumer_totals(*agent_, options(),
                                     {.agent_id = agent_id,
                                      .consumers_max = consumers_max,
                                      .statement_max = std::chrono::milliseconds(30'000)},
                                     soon());
    EXPECT_TRUE(read) << read.error().text;
    return read ? std::move(*read) : ConsumerTotals();
  };
  Lane github, shop("shop");
  arrive(github, 3);
  arrive(shop, 2);
  EXPECT_EQ(totals("edge-1", 10).consumers, 0u);
  run("SELECT S.create_consumer('billing', 'beginning'), S.create_consumer('a', 'now')");
  const ConsumerTotals all = totals("edge-1", 10);
  ASSERT_EQ(all.first.size(), 2u);
  EXPECT_EQ(all.consumers, 2u);
  EXPECT_EQ(all.first[0].consumer, "a");
  EXPECT_EQ(all.first[0].waiting, 0u);
  EXPECT_FALSE(all.first[0].oldest_age_ms);
  EXPECT_EQ(all.first[1].waiting, 5u) << "of both feeds";
  EXPECT_TRUE(all.first[1].oldest_age_ms);
  EXPECT_EQ(totals("edge-1", 1).first.size(), 1u);
  EXPECT_EQ(totals("edge-1", 1).consumers, 2u) << "all are counted";
  EXPECT_TRUE(totals("edge-2", 10).first.empty()) << "another agent's rows";
  EXPECT_TRUE(agent_->usable()) << "no transaction is left open";
}

TEST_F(PgConsumersTest, AnApplicationNeedsNoRightOnTheTablesAndGetsNone) {
  Lane lane;
  arrive(lane, 1);
  run("SELECT S.create_consumer('billing', 'beginning')");
  for (const std::string name : {"events", "feeds", "consumers", "positions", "failures", "watermarks"}) {
    EXPECT_EQ(ask("SELECT count(*) FROM S." + name).substr(0, 11), "ERROR 42501") << name;
  }
  // Its search_path decides nothing within them.
  const std::string trap = quote_identifier("trap " + schema_);
  cluster().query("CREATE SCHEMA " + trap + " AUTHORIZATION " + quote_identifier(role_));
  run("CREATE FUNCTION " + trap +
      ".clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped''; END'");
  run("CREATE FUNCTION " + trap +
      ".hashtext(text) RETURNS integer LANGUAGE plpgsql AS"
      " 'BEGIN RAISE EXCEPTION ''trapped''; END'");
  run("SET search_path = " + trap + ", pg_catalog");
  EXPECT_EQ(consume(), "github:1");
  cluster().query("CREATE ROLE " + quote_identifier("Other " + schema_) +
                  " LOGIN PASSWORD 'x';GRANT USAGE ON SCHEMA " + quote_identifier(schema_) + " TO " +
                  quote_identifier("Other " + schema_));
  PgOptions none = options();
  none.conninfo = cluster().conninfo_as("'Other " + schema_ + "'", "x");
  auto other = connect(none);
  EXPECT_EQ(consume(*other), "ERROR 42501");
}

TEST_F(PgConsumersTest, WrongCallsAreNamed) {
  EXPECT_EQ(consume(), "ERROR P0002");
  run("SELECT S.create_consumer('billing')");
  EXPECT_EQ(consume(0), "ERROR 22023");
  EXPECT_EQ(ask("SELECT S.failed('billing', gen_random_uuid())").substr(0, 11), "ERROR P0002");
  EXPECT_EQ(ask("SELECT S.failed('other', gen_random_uuid())").substr(0, 11), "ERROR P0002");
  EXPECT_EQ(ask("SELECT S.seek('other', 'now')").substr(0, 11), "ERROR P0002");
  EXPECT_EQ(ask("SELECT S.skip('billing', gen_random_uuid())").substr(0, 11), "ERROR P0002");
  EXPECT_EQ(ask("SELECT S.create_consumer('x', 'now', NULL, 0)").substr(0, 11), "ERROR 23514");
}

}  // namespace
}  // namespace hookspool::net
