#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "tests/net/pg_fixture.h"

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
