#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "net/pg/tables/feeds_schema.h"
#include "net/pg/tables/schema_text.h"
#include "tests/support/cut_proxy.h"
#include "tests/unit/net/pg_fixture.h"

namespace hookspool::net {
namespace {

class PgSchemaTest : public PgTest {
 protected:
  // A role that may log in and nothing else.
  PgOptions as_stranger() const {
    const std::string role = "Stranger " + schema_;
    cluster().query("CREATE ROLE " + quote_identifier(role) + " LOGIN PASSWORD 'x'");
    PgOptions limited = options();
    limited.conninfo = cluster().conninfo_as("'" + role + "'", "x");
    return limited;
  }
};

TEST_F(PgSchemaTest, IsMadeOnceAndLeftAlone) {
  auto connection = connect();
  ASSERT_TRUE(ensure_schema(*connection, options()).ok());
  const std::string id = value(*connection, "SELECT id FROM " + table("sink"));
  ASSERT_TRUE(ensure_schema(*connection, options()).ok());
  EXPECT_TRUE(connection->usable());
  EXPECT_EQ(value(*connection, "SELECT id FROM " + table("sink")), id);
  EXPECT_EQ(value(*connection, "SELECT count(*) FROM " + table("sink")), "1");
  EXPECT_EQ(
      value(*connection,
            "SELECT string_agg(relname, ',' ORDER BY relname) FROM pg_class WHERE relkind = 'r' AND "
            "relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = " +
                connection->quote_literal(schema_) + ")"),
      "consumers,dead_letters,discarded,events,failures,feeds,gaps,positions,retention,sink,watermarks");
}

TEST_F(PgSchemaTest, WhatIsMissingIsAdded) {
  make_schema();
  auto connection = connect();
  const std::string id = value(*connection, "SELECT id FROM " + table("sink"));
  ASSERT_EQ(value(*connection, "DROP TABLE " + table("dead_letters") + " CASCADE"), "not one value");
  ASSERT_TRUE(ensure_schema(*connection, options()).ok());
  EXPECT_EQ(value(*connection, "SELECT count(*) FROM " + table("dead_letters")), "0");
  EXPECT_EQ(value(*connection, "SELECT id FROM " + table("sink")), id);
}

// As version 3 made it.
std::string to_version_3(const std::string& schema) {
  return with_schema(
      "DROP FUNCTION S.prune, S.id_at, S.event_partitions, S.partition_events, S.bound_to_events, "
      "S.grants_again,"
      " S.make_partitions, S.drop_week; DROP VIEW S.overview; DROP TABLE S.retention;"
      "CREATE VIEW S.overview AS SELECT w.lane AS source, w.agent_id AS agent, f.arrival AS rows_in_events,"
      " max(w.updated_at) AS delivered_at, NULL::timestamptz AS newest_received_at, 0::bigint AS "
      "dead_letters,"
      " 0::numeric AS lost_on_disk, NULL::text AS consumers FROM S.watermarks w"
      " LEFT JOIN S.feeds f ON f.agent_id = w.agent_id AND f.source = w.lane GROUP BY 1, 2, 3;"
      "ALTER TABLE S.sink ALTER COLUMN schema_version SET DEFAULT 3; UPDATE S.sink SET schema_version = 3;",
      schema);
}

// As version 2 made it.
std::string to_version_2(const std::string& schema) {
  const auto each = [&](const std::string& text) { return with_schema(text, schema); };
  return to_version_3(schema) +
         each(
             "DROP VIEW S.overview, S.consumer_lag; DROP TRIGGER number_row ON S.events;"
             "DROP FUNCTION S.make_feed, S.number_row, S.arrival_at, S.seek, S.create_consumer, "
             "S.drop_consumer, "
             "S.consume,"
             " S.failed, S.skip, S.retry; DROP TABLE S.failures, S.positions, S.consumers, S.feeds;"
             "ALTER TABLE S.events DROP COLUMN feed, DROP COLUMN arrival;"
             "ALTER TABLE S.sink ALTER COLUMN schema_version SET DEFAULT 2; UPDATE S.sink SET schema_version "
             "= 2;");
}

// As version 1 made it.
void to_version_1(Connection& connection, const std::string& schema) {
  const auto undone = connection.query(
      to_version_2(schema) + with_schema("ALTER TABLE S.sink DROP COLUMN schema_version", schema), soon());
  ASSERT_TRUE(undone.ok()) << undone.error().text;
}

TEST_F(PgSchemaTest, AnOlderSchemaIsBroughtUpToDate) {
  make_schema();
  auto connection = connect();
  EXPECT_EQ(value(*connection, "SELECT schema_version FROM " + table("sink")), "4");
  const std::string id = value(*connection, "SELECT id FROM " + table("sink"));
  to_version_1(*connection, schema_);
  ASSERT_TRUE(ensure_schema(*connection, options()).ok());
  EXPECT_EQ(value(*connection, "SELECT schema_version FROM " + table("sink")), "4");
  EXPECT_EQ(value(*connection, "SELECT id FROM " + table("sink")), id);
  const auto undone = connection->query(to_version_2(schema_), soon());
  ASSERT_TRUE(undone.ok()) << undone.error().text;
  auto again = ensure_schema(*connection, options());
  ASSERT_TRUE(again.ok()) << again.error().text;
  EXPECT_EQ(value(*connection, "SELECT schema_version FROM " + table("sink")), "4");
  EXPECT_EQ(value(*connection, with_schema("SELECT S.create_consumer('billing')", schema_)), "t");
  ASSERT_TRUE(connection->query(to_version_3(schema_), soon()).ok());
  again = ensure_schema(*connection, options());
  ASSERT_TRUE(again.ok()) << again.error().text;
  EXPECT_EQ(value(*connection, "SELECT schema_version FROM " + table("sink")), "4");
  EXPECT_EQ(
      value(*connection,
            with_schema("SELECT deleted FROM S.prune('edge-1', 'github', interval '90 days')", schema_)),
      "0");
  EXPECT_EQ(value(*connection, with_schema("SELECT count(*) FROM S.consumers", schema_)), "1")
      << "left alone";
}

// What lies in the table keeps no number; what an older agent still inserts, over a connection that is open, gets one.
TEST_F(PgSchemaTest, RowsOfAnOlderAgentAreNumberedFromTheMigrationOn) {
  make_schema();
  auto connection = connect();
  ASSERT_TRUE(connection->query(to_version_2(schema_), soon()).ok());
  const auto insert = [&](const std::string& source) {
    const auto done =
        connection->query(with_schema("INSERT INTO S.events (id, agent_id, epoch, seq, source, received_at)"
                                      " VALUES (gen_random_uuid(), 'edge-1', gen_random_uuid(), 1, '" +
                                          source + "', now())",
                                      schema_),
                          soon());
    ASSERT_TRUE(done.ok()) << done.error().text;
  };
  insert("github");
  ASSERT_TRUE(ensure_schema(*connection, options()).ok());
  insert("github");
  insert("stripe");
  insert("github");
  Lane lane;
  lane.add("{}");
  ASSERT_TRUE(deliver(*connection, options(), lane, 10).ok());
  EXPECT_EQ(
      value(*connection, with_schema("SELECT string_agg(coalesce(source || arrival, 'none'), ' ' ORDER BY"
                                     " feed IS NOT NULL, source, arrival) FROM S.events",
                                     schema_)),
      "none github1 github2 github3 stripe1");
  EXPECT_EQ(
      value(*connection,
            with_schema("SELECT string_agg(source || arrival, ' ' ORDER BY source) FROM S.feeds", schema_)),
      "github3 stripe1");
}

// A reader in an open transaction does not make deliveries wait behind a migration for longer than a moment.
TEST_F(PgSchemaTest, AMigrationGivesWayToALongReader) {
  make_schema();
  auto connection = connect();
  ASSERT_TRUE(connection->query(to_version_2(schema_), soon()).ok());
  auto reader = connect();
  ASSERT_TRUE(reader->query("BEGIN; SELECT count(*) FROM " + table("events"), soon()).ok());
  const auto given_up = ensure_schema(*connection, options());
  ASSERT_FALSE(given_up.ok());
  EXPECT_EQ(given_up.error().sqlstate, "55P03") << given_up.error().text;
  EXPECT_EQ(given_up.error().error_class, ErrorClass::kOutage);
  EXPECT_TRUE(connection->usable());
  ASSERT_TRUE(reader->query("COMMIT", soon()).ok());
  EXPECT_TRUE(ensure_schema(*connection, options()).ok());
}

// A large table is left to an administrator, and nothing but consumers waits for that.
TEST_F(PgSchemaTest, ALargeTableIsIndexedWithoutHoldingDeliveriesUp) {
  make_schema();
  auto connection = connect();
  ASSERT_TRUE(connection->query(to_version_2(schema_), soon()).ok());
  // Its size is what counts: wide rows in few statements. bytea that does not compress, kept in line.
  ASSERT_TRUE(
      connection
          ->query(with_schema("ALTER TABLE S.events ALTER COLUMN body SET STORAGE PLAIN;"
                              "INSERT INTO S.events (id, agent_id, epoch, seq, source, received_at, body)"
                              " SELECT gen_random_uuid(), 'edge-1', gen_random_uuid(), n, 'github', now(),"
                              " decode(repeat('ab', 7900), 'hex') FROM generate_series(1, 17000) n",
                              schema_),
                  soon())
          .ok());
  ASSERT_GT(std::stoull(value(*connection, with_schema("SELECT pg_relation_size('S.events')", schema_))),
            kEventsIndexedAtOnceBytesMax);
  ASSERT_TRUE(ensure_schema(*connection, options()).ok());
  ASSERT_TRUE(ensure_schema(*connection, options()).ok());
  auto report = look_at_schema(*connection, options());
  ASSERT_TRUE(report.ok());
  EXPECT_FALSE(report->indexed);
  Lane lane;
  lane.add("{}");
  EXPECT_TRUE(deliver(*connection, options(), lane, 10).ok());
  const std::string create = with_schema("SELECT S.create_consumer('billing', 'beginning')", schema_);
  const auto refused = connection->query(create, soon());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().sqlstate, "55000") << refused.error().text;
  EXPECT_NE(refused.error().server_hint.find("hookspool doctor"), std::string::npos);
  const auto indexed = connection->query(feeds_index_sql(schema_), soon());
  ASSERT_TRUE(indexed.ok()) << indexed.error().text;
  report = look_at_schema(*connection, options());
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->indexed);
  EXPECT_EQ(value(*connection, create), "t");
  EXPECT_EQ(value(*connection, with_schema("SELECT count(*) FROM S.consume('billing')", schema_)), "1");
  ASSERT_TRUE(connection->query("DROP TABLE " + table("events") + " CASCADE", soon()).ok());
}

TEST_F(PgSchemaTest, EverythingIsExplainedWhereItIs) {
  make_schema();
  auto connection = connect();
  const std::string ours = "'" + quote_identifier(schema_) + "'::regnamespace";
  EXPECT_EQ(value(*connection,
                  "SELECT coalesce(string_agg(c.relname || '.' || a.attname, ' '), '') FROM pg_class c JOIN "
                  "pg_attribute a"
                  " ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped WHERE c.relnamespace = " +
                      ours + " AND c.relkind = 'r' AND col_description(c.oid, a.attnum) IS NULL"),
            "");
  EXPECT_EQ(value(*connection,
                  "SELECT coalesce(string_agg(relname, ' '), '') FROM pg_class WHERE relnamespace = " + ours +
                      " AND relkind IN ('r', 'v') AND obj_description(oid, 'pg_class') IS NULL"),
            "");
  EXPECT_EQ(value(*connection,
                  "SELECT coalesce(string_agg(proname, ' '), '') FROM pg_proc WHERE pronamespace = " + ours +
                      " AND obj_description(oid, 'pg_proc') IS NULL"),
            "");
}

TEST_F(PgSchemaTest, ANewerSchemaIsRefusedAndLeftAlone) {
  make_schema();
  auto connection = connect();
  ASSERT_TRUE(connection->query("UPDATE " + table("sink") + " SET schema_version = 5", soon()).ok());
  ASSERT_TRUE(connection->query("DROP TABLE " + table("discarded"), soon()).ok());
  const auto refused = ensure_schema(*connection, options());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().error_class, ErrorClass::kSetup);
  EXPECT_NE(refused.error().text.find("version 5"), std::string::npos) << refused.error().text;
  EXPECT_NE(refused.error().text.find("up to 4"), std::string::npos) << refused.error().text;
  EXPECT_NE(refused.error().hint.find("Install that one again"), std::string::npos) << refused.error().hint;
  EXPECT_TRUE(connection->usable());
  EXPECT_EQ(
      value(*connection, "SELECT count(*) FROM pg_class WHERE relname = 'discarded' AND relnamespace = " +
                             connection->quote_literal(quote_identifier(schema_)) + "::regnamespace"),
      "0");
}

// A migration is one transaction: cut anywhere, it has happened or it has not, and the next agent ends it.
TEST_F(PgSchemaTest, AMigrationThatIsCutAnywhereIsDoneByTheNext) {
  make_schema();
  auto admin = connect();
  testing::CutProxy proxy(cluster().port());
  PgOptions through = options(proxy.port());
  std::uint64_t ends[2] = {};
  {
    to_version_1(*admin, schema_);
    auto connection = connect(through);
    const auto start = proxy.counts();
    ASSERT_TRUE(ensure_schema(*connection, through).ok());
    ends[0] = proxy.counts().bytes_to_server - start.bytes_to_server;
    ends[1] = proxy.counts().bytes_to_client - start.bytes_to_client;
  }
  ASSERT_GT(ends[0], 500u);
  int cuts = 0, undone = 0, done = 0;
  for (const auto direction : {testing::Direction::kToServer, testing::Direction::kToClient}) {
    const std::uint64_t end = ends[static_cast<std::size_t>(direction)];
    for (std::uint64_t at = 0; at < end; at += end / 20 + 1) {
      to_version_1(*admin, schema_);
      {
        auto connection = connect(through);
        proxy.cut_after(direction, at, testing::Cut::kReset);
        const auto cut = ensure_schema(*connection, through);
        EXPECT_FALSE(cut.ok()) << "byte " << at;
      }
      proxy.reset();
      // The server may still be at it.
      auto fresh = connect(through);
      const std::string column =
          value(*fresh,
                "SELECT count(*) FROM pg_attribute WHERE attname = 'schema_version' AND NOT attisdropped "
                "AND attrelid = " +
                    fresh->quote_literal(table("sink")) + "::regclass");
      (column == "1" ? done : undone) += 1;
      const auto ended = ensure_schema(*fresh, through);
      ASSERT_TRUE(ended.ok()) << ended.error().text;
      EXPECT_EQ(value(*fresh, "SELECT schema_version FROM " + table("sink")), "4");
      ++cuts;
    }
  }
  EXPECT_GT(cuts, 30);
  EXPECT_GT(undone, 10);
  EXPECT_GT(done, 0) << "no cut came after the commit";
}

TEST_F(PgSchemaTest, ManyAgentsAtOnce) {
  std::vector<std::jthread> agents;
  agents.reserve(8);
  std::atomic<int> made = 0;
  for (int i = 0; i < 8; ++i) {
    agents.emplace_back([&] {
      auto connection = connect();
      auto ensured = ensure_schema(*connection, options());
      EXPECT_TRUE(ensured.ok()) << ensured.error().text;
      if (ensured.ok()) ++made;
    });
  }
  agents.clear();
  EXPECT_EQ(made, 8);
  EXPECT_EQ(value(*connect(), "SELECT count(*) FROM " + table("sink")), "1");
}

TEST_F(PgSchemaTest, WithoutRightsTheHintIsTheSqlThatHelps) {
  const PgOptions limited = as_stranger();
  auto connection = connect(limited);
  auto refused = ensure_schema(*connection, limited);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().error_class, ErrorClass::kSetup);
  EXPECT_EQ(refused.error().sqlstate, "42501");
  EXPECT_TRUE(connection->usable());

  const std::string hint = refused.error().hint;
  cluster().query(hint.substr(hint.find('\n') + 1));  // after "An administrator must run this ..."
  auto accepted = ensure_schema(*connection, limited);
  ASSERT_TRUE(accepted.ok()) << accepted.error().text << accepted.error().hint;

  Lane lane;
  lane.add("{}");
  lane.add("no json");
  auto delivered = deliver(*connection, limited, lane, 10);
  ASSERT_TRUE(delivered.ok()) << delivered.error().text;
  auto transaction = DeliveryTransaction::begin(*connection, limited, lane.key(), false);
  ASSERT_TRUE(transaction.ok());
  EXPECT_TRUE(transaction->rows_above(1, Uuid{}).value());
  EXPECT_FALSE(transaction->rows_above(2, Uuid{}).value());
}

TEST_F(PgSchemaTest, MissingRightsOnTablesThatAreThere) {
  make_schema();
  const PgOptions limited = as_stranger();
  auto connection = connect(limited);
  auto refused = ensure_schema(*connection, limited);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().error_class, ErrorClass::kSetup);
  const std::string hint = refused.error().hint;
  EXPECT_EQ(hint.find("CREATE"), std::string::npos);
  cluster().query(hint.substr(hint.find('\n') + 1));
  ASSERT_TRUE(ensure_schema(*connection, limited).ok());

  cluster().query("REVOKE UPDATE ON " + table("watermarks") + " FROM " +
                  quote_identifier("Stranger " + schema_));
  EXPECT_FALSE(ensure_schema(*connection, limited).ok());
}

TEST_F(PgSchemaTest, TheAdministratorsSqlCanBeRunTwice) {
  cluster().query(schema_sql(schema_, "hookspool"));
  cluster().query(schema_sql(schema_, "hookspool"));
  EXPECT_EQ(cluster().value("SELECT count(*) FROM " + table("sink")), "1");
  auto connection = connect();
  auto ensured = ensure_schema(*connection, options());
  EXPECT_TRUE(ensured.ok()) << ensured.error().text;
}

}  // namespace
}  // namespace hookspool::net
