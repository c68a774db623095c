#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

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
  EXPECT_EQ(value(*connection,
                  "SELECT string_agg(relname, ',' ORDER BY relname) FROM pg_class WHERE relkind = 'r' AND "
                  "relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = " +
                      connection->quote_literal(schema_) + ")"),
            "dead_letters,discarded,events,gaps,sink,watermarks");
}

TEST_F(PgSchemaTest, WhatIsMissingIsAdded) {
  make_schema();
  auto connection = connect();
  const std::string id = value(*connection, "SELECT id FROM " + table("sink"));
  ASSERT_EQ(value(*connection, "DROP TABLE " + table("dead_letters")), "not one value");
  ASSERT_TRUE(ensure_schema(*connection, options()).ok());
  EXPECT_EQ(value(*connection, "SELECT count(*) FROM " + table("dead_letters")), "0");
  EXPECT_EQ(value(*connection, "SELECT id FROM " + table("sink")), id);
}

// As version 1 made it.
void to_version_1(Connection& connection, const std::string& sink) {
  ASSERT_TRUE(connection.query("ALTER TABLE " + sink + " DROP COLUMN schema_version", soon()).ok());
}

TEST_F(PgSchemaTest, AnOlderSchemaIsBroughtUpToDate) {
  make_schema();
  auto connection = connect();
  EXPECT_EQ(value(*connection, "SELECT schema_version FROM " + table("sink")), "2");
  const std::string id = value(*connection, "SELECT id FROM " + table("sink"));
  to_version_1(*connection, table("sink"));
  ASSERT_TRUE(ensure_schema(*connection, options()).ok());
  EXPECT_EQ(value(*connection, "SELECT schema_version FROM " + table("sink")), "2");
  EXPECT_EQ(value(*connection, "SELECT id FROM " + table("sink")), id);
}

TEST_F(PgSchemaTest, ANewerSchemaIsRefusedAndLeftAlone) {
  make_schema();
  auto connection = connect();
  ASSERT_TRUE(connection->query("UPDATE " + table("sink") + " SET schema_version = 3", soon()).ok());
  ASSERT_TRUE(connection->query("DROP TABLE " + table("discarded"), soon()).ok());
  const auto refused = ensure_schema(*connection, options());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().error_class, ErrorClass::kSetup);
  EXPECT_NE(refused.error().text.find("version 3"), std::string::npos) << refused.error().text;
  EXPECT_NE(refused.error().text.find("up to 2"), std::string::npos) << refused.error().text;
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
    to_version_1(*admin, table("sink"));
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
    for (std::uint64_t at = 0; at < end; at += end / 40 + 1) {
      to_version_1(*admin, table("sink"));
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
      EXPECT_EQ(value(*fresh, "SELECT schema_version FROM " + table("sink")), "2");
      ++cuts;
    }
  }
  EXPECT_GT(cuts, 60);
  EXPECT_GT(undone, 20);
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
