// How rows leave the events table: prune(), weekly partitions, and the export that comes before.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "net/pg/ledger/event_export.h"
#include "net/pg/ledger/ledger.h"
#include "net/pg/ledger/retention.h"
#include "net/pg/tables/partitions_schema.h"
#include "net/pg/tables/retention_schema.h"
#include "net/pg/tables/schema_text.h"
#include "tests/unit/net/pg_fixture.h"

namespace hookspool::net {
namespace {

using std::chrono::hours;

class PgRetentionTest : public PgTest {
 protected:
  PgRetentionTest() : connection_(connect()) { make_schema(); }

  std::string ask(const std::string& text) const { return value(*connection_, with_schema(text, schema_)); }
  void run(Connection& connection, const std::string& text) const {
    const auto done = connection.query(with_schema(text, schema_), soon());
    EXPECT_TRUE(done.ok()) << text << ": " << (done ? "" : done.error().text);
  }
  void run(const std::string& text) const { run(*connection_, text); }

  // One row a day of a source, the oldest `days` old, numbered by the trigger as what is inserted by hand.
  void rows_of_days(const std::string& source, int days) const {
    run("INSERT INTO S.events (id, agent_id, epoch, seq, source, received_at, payload)"
        " SELECT overlay(S.id_at(t)::text placing '7000-8' || left(md5('" +
        source +
        "'), 3) || '-' || lpad(n::text, 12, '0')"
        " from 15 for 22)::uuid,"
        " 'edge-1', '00000000-0000-0000-0000-000000000001', n, '" +
        source + "', t, jsonb_build_object('day', n) FROM (SELECT n, now() - (" + std::to_string(days) +
        " - n) * interval '1 day' + interval '1 hour' AS t FROM generate_series(0, " +
        std::to_string(days - 1) + ") n) d");
  }
  // As if what is there had been visible for two days.
  void settle() const {
    run("SELECT S.prune('edge-1', source, interval '36500 days') FROM S.feeds;"
        "UPDATE S.retention SET coming_at = now() - interval '2 days'");
  }
  Pruned prune(const std::string& source, int days, std::size_t rows_max = 500,
               std::uint64_t after = 0) const {
    auto pruned = net::prune(*connection_, options(), {"edge-1", source, hours(24 * days), rows_max, after});
    EXPECT_TRUE(pruned.ok()) << (pruned ? "" : pruned.error().text);
    return pruned ? *pruned : Pruned{};
  }
  std::string days_left(const std::string& source) const {
    return ask(
        "SELECT coalesce(min(seq) || '-' || max(seq) || ' of ' || count(*), 'none') FROM S.events"
        " WHERE source = '" +
        source + "'");
  }
  std::string consumed(const std::string& consumer, int max) const {
    return ask("SELECT coalesce(min(seq) || '-' || max(seq), 'none') FROM S.consume('" + consumer + "', " +
               std::to_string(max) + ")");
  }
  // The partitions of now become those of an events table that was partitioned long ago.
  void move_partitions_back(int weeks) const {
    run("DO $d$ DECLARE p record; b uuid := S.id_at(date_trunc('week', now() AT TIME ZONE 'UTC') AT TIME "
        "ZONE 'UTC'"
        " - " +
        std::to_string(weeks) +
        " * interval '7 days'); BEGIN"
        " FOR p IN SELECT * FROM S.event_partitions() LOOP"
        "  EXECUTE format('ALTER TABLE %s DETACH PARTITION %s', 'S.events'::regclass, p.part);"
        "  IF p.low IS NOT NULL AND p.upto IS NOT NULL THEN EXECUTE format('DROP TABLE %s', p.part); END IF;"
        " END LOOP;"
        " EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (MINVALUE) TO (%L)',"
        "  'S.events'::regclass, 'S.events_start'::regclass, b);"
        " EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%L) TO (MAXVALUE)',"
        "  'S.events'::regclass, 'S.events_far'::regclass, b); END $d$");
  }

  std::unique_ptr<Connection> connection_;
};

TEST_F(PgRetentionTest, OldRowsGoInPiecesAndOnlyWhatHasBeenThereForADay) {
  rows_of_days("github", 100);
  EXPECT_EQ(prune("github", 90).deleted, 0u) << "nothing is known to have been visible for a day";
  EXPECT_EQ(days_left("github"), "0-99 of 100");
  settle();
  const Pruned first = prune("github", 90, 4);
  EXPECT_EQ(first.deleted, 4u);
  ASSERT_TRUE(first.reached);
  EXPECT_EQ(prune("github", 90, 4, *first.reached).deleted, 4u);
  const Pruned rest = prune("github", 90);
  EXPECT_EQ(rest.deleted, 2u);
  EXPECT_FALSE(rest.reached);
  EXPECT_EQ(days_left("github"), "10-99 of 90");
  EXPECT_EQ(prune("github", 90).deleted, 0u);
  EXPECT_EQ(ask("SELECT deleted || ' ' || deleted_to FROM S.retention"), "10 10");
  EXPECT_EQ(prune("other", 90).deleted, 0u) << "a source without rows";
}

TEST_F(PgRetentionTest, ALateRowUnderAnOldIdStaysAsLongAsWhatCameBeforeIt) {
  rows_of_days("github", 30);
  run("INSERT INTO S.events (id, agent_id, epoch, seq, source, received_at) VALUES"
      " ('00000000-0000-7000-8000-000000000001', 'edge-1', gen_random_uuid(), 1000, 'github', '2001-01-01')");
  settle();
  EXPECT_EQ(prune("github", 20).deleted, 10u);
  EXPECT_EQ(days_left("github"), "10-1000 of 21");
}

TEST_F(PgRetentionTest, WhatAConsumerHasNotReadStaysAndItIsNamed) {
  rows_of_days("github", 30);
  rows_of_days("stripe", 30);
  run("SELECT S.create_consumer('billing', 'beginning', '{github}')");
  settle();
  const Pruned held = prune("github", 10);
  EXPECT_EQ(held.deleted, 0u);
  EXPECT_EQ(held.held_by, "billing");
  EXPECT_EQ(prune("stripe", 10).deleted, 20u) << "which it does not read";
  EXPECT_EQ(consumed("billing", 5), "0-4");
  const Pruned some = prune("github", 10);
  EXPECT_EQ(some.deleted, 5u);
  EXPECT_EQ(some.held_by, "billing");
  // In a transaction that has not ended they are not done.
  auto worker = connect();
  run(*worker, "BEGIN; SELECT count(*) FROM S.consume('billing', 100)");
  EXPECT_EQ(prune("github", 10).deleted, 0u);
  run(*worker, "ROLLBACK");
  EXPECT_EQ(consumed("billing", 100), "5-29");
  const Pruned rest = prune("github", 10);
  EXPECT_EQ(rest.deleted, 15u);
  EXPECT_EQ(rest.held_by, "");
  EXPECT_EQ(ask("SELECT sum(lost) FROM S.consumer_lag"), "0");
}

TEST_F(PgRetentionTest, AFailedEventStaysUntilItIsRetriedAndANewConsumerMissesNothing) {
  rows_of_days("github", 30);
  run("SELECT S.create_consumer('billing', 'beginning', NULL, 1)");
  run("BEGIN; SELECT count(*) FROM S.consume('billing', 100);"
      "SELECT S.failed('billing', id, 'no') FROM S.events WHERE seq = 3; COMMIT");
  run("SELECT S.seek('billing', 'now')");
  settle();
  EXPECT_EQ(prune("github", 10).deleted, 19u);
  EXPECT_EQ(days_left("github"), "3-29 of 11");
  run("SELECT S.create_consumer('late', 'beginning')");
  EXPECT_EQ(consumed("late", 100), "20-29");
  EXPECT_EQ(ask("SELECT lost FROM S.consumer_lag WHERE consumer = 'late'"), "0");
  EXPECT_EQ(ask("SELECT count(*) FROM S.retry('billing', (SELECT id FROM S.events WHERE seq = 3))"), "1");
  EXPECT_EQ(prune("github", 10).deleted, 1u);
  EXPECT_EQ(days_left("github"), "20-29 of 10");
}

TEST_F(PgRetentionTest, TwoThatPruneTheSameSourceDoNotWaitForEachOther) {
  rows_of_days("github", 30);
  settle();
  auto other = connect();
  run(*other, "BEGIN; SELECT S.prune('edge-1', 'github', interval '10 days', 5)");
  EXPECT_EQ(prune("github", 10).deleted, 0u);
  run(*other, "COMMIT");
  EXPECT_EQ(prune("github", 10).deleted, 15u);
}

TEST_F(PgRetentionTest, WithoutTheRightTheHintIsTheGrant) {
  rows_of_days("github", 30);
  settle();
  const std::string role = "Agent " + schema_;
  cluster().query("CREATE ROLE " + quote_identifier(role) + " LOGIN PASSWORD 'x';" +
                  schema_sql(schema_, role));
  PgOptions limited = options();
  limited.conninfo = cluster().conninfo_as("'" + role + "'", "x");
  auto agent = connect(limited);
  const PruneRequest request{"edge-1", "github", hours(240), 500, 0};
  const auto refused = net::prune(*agent, limited, request);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().sqlstate, "42501");
  EXPECT_EQ(refused.error().error_class, ErrorClass::kSetup);
  ASSERT_TRUE(agent->usable());
  const std::string hint = refused.error().hint;
  cluster().query(hint.substr(hint.find('\n') + 1));
  const auto allowed = net::prune(*agent, limited, request);
  ASSERT_TRUE(allowed.ok()) << allowed.error().text;
  EXPECT_EQ(allowed->deleted, 20u);
  EXPECT_EQ(value(*agent, "DELETE FROM " + table("events")).substr(0, 11), "ERROR 42501");
}

TEST_F(PgRetentionTest, WrongCallsAreNamed) {
  for (const char* call : {"S.prune('edge-1', 'a', interval '1 hour')", "S.prune('edge-1', 'a', NULL)",
                           "S.prune('edge-1', 'a', interval '9 days', 0)", "S.drop_week(interval '1 hour')",
                           "S.make_partitions(0)"})
    EXPECT_EQ(ask("SELECT * FROM " + std::string(call)).substr(0, 11), "ERROR 22023") << call;
  EXPECT_EQ(ask("SELECT S.make_partitions()").substr(0, 11), "ERROR 55000") << "not partitioned";
  EXPECT_EQ(ask("SELECT S.drop_week(interval '9 days')"), "NULL");
}

// Deleted is not "never was": what is compared by id is not inserted once more. A gap that is recorded is the better proof.
TEST_F(PgRetentionTest, WhatWasDeletedIsNotInsertedOnceMore) {
  Lane lane;
  for (int i = 0; i < 4; ++i) lane.add("{}");
  ASSERT_TRUE(deliver(*connection_, options(), lane, 3).ok());
  run("UPDATE S.events SET received_at = now() - interval '99 days'");
  settle();
  EXPECT_EQ(prune("github", 90).deleted, 3u);
  EXPECT_EQ(ask("SELECT rows_in_events FROM S.overview"), "0");
  const auto standings = find_events(*connection_, options(), "edge-1", "github", lane.events);
  ASSERT_TRUE(standings.ok()) << standings.error().text;
  ASSERT_EQ(standings->size(), 3u);
  for (const auto& standing : *standings) EXPECT_EQ(standing.place, Standing::Place::kPruned);
  const auto elsewhere = find_events(*connection_, options(), "edge-2", "github", lane.events);
  ASSERT_TRUE(elsewhere.ok());
  EXPECT_TRUE(elsewhere->empty()) << "another agent's";
  {
    auto transaction = DeliveryTransaction::begin(*connection_, options(), lane.key(), false);
    ASSERT_TRUE(transaction.ok());
    // Of a cloned journal, say: nothing says that they were delivered, and an id proves nothing.
    const auto unproven = transaction->reconcile(lane.from(1, 4), 2);
    ASSERT_FALSE(unproven.ok()) << "an event that may never have been here is taken for one that was deleted";
    EXPECT_EQ(unproven.error().error_class, ErrorClass::kEvent);
    EXPECT_NE(unproven.error().text.find("keep_rows"), std::string::npos) << unproven.error().text;
    const auto put = transaction->reconcile(lane.from(1, 4), 3);
    ASSERT_TRUE(put.ok()) << put.error().text;
    EXPECT_EQ(*put, 1u);
    transaction->settle(lane.last());
    ASSERT_TRUE(transaction->commit().ok());
  }
  EXPECT_EQ(ask("SELECT string_agg(seq::text, ' ') FROM S.events"), "4");
  run("INSERT INTO S.gaps (agent_id, epoch, lane, first_seq, last_seq) SELECT agent_id, epoch, lane, 2, 2 "
      "FROM S.watermarks");
  auto transaction = DeliveryTransaction::begin(*connection_, options(), lane.key(), false);
  ASSERT_TRUE(transaction.ok());
  EXPECT_EQ(transaction->heal(lane.from(1, 3)).value(), 1u);
  ASSERT_TRUE(transaction->commit().ok());
  EXPECT_EQ(ask("SELECT string_agg(seq::text, ' ' ORDER BY arrival) FROM S.events"), "4 2");
}

TEST_F(PgRetentionTest, PartitionedItIsTheSameTableForAgentAndConsumers) {
  Lane lane, old_lane("stripe");
  for (int i = 0; i < 6; ++i) lane.add("{}");
  ASSERT_TRUE(deliver(*connection_, options(), lane, 2).ok());
  run("SELECT S.create_consumer('billing', 'beginning')");
  const std::string role = "App " + schema_;
  cluster().query("CREATE ROLE " + quote_identifier(role) + ";GRANT EXECUTE ON FUNCTION " + table("consume") +
                  "(text, integer) TO " + quote_identifier(role) + ";GRANT SELECT ON " + table("overview") +
                  ", " + table("events") + " TO " + quote_identifier(role) + " WITH GRANT OPTION");
  run("CREATE INDEX by_time ON S.events (source, received_at)");
  auto worker = connect();
  run(*worker, "SELECT count(*) FROM S.consume('billing', 1)");

  EXPECT_GE(std::stoi(ask("SELECT S.partition_events()")), 8);
  EXPECT_EQ(ask("SELECT S.partition_events()"), "0") << "again: nothing to do";
  EXPECT_EQ(ask("SELECT relkind FROM pg_class WHERE oid = 'S.events'::regclass"), "p");
  EXPECT_EQ(ask("SELECT has_function_privilege('" + role +
                "', 'S.consume(text, integer)', 'EXECUTE')::text ||"
                " has_table_privilege('" +
                role +
                "', 'S.overview', 'SELECT')::text ||"
                " has_table_privilege('" +
                role +
                "', 'S.events', 'SELECT WITH GRANT OPTION')::text ||"
                " has_function_privilege('public', 'S.retry(text, uuid)', 'EXECUTE')::text"),
            "truetruetruefalse");
  EXPECT_EQ(ask("SELECT count(*) FROM pg_index WHERE indrelid = 'S.events'::regclass AND indisvalid"), "3");
  ASSERT_TRUE(ensure_schema(*connection_, options()).ok());
  run(schema_sql(schema_, role));

  ASSERT_TRUE(deliver(*connection_, options(), lane, 100).ok());
  EXPECT_EQ(value(*worker,
                  with_schema("SELECT string_agg(seq::text, ' ') FROM S.consume('billing', 100)", schema_)),
            "2 3 4 5 6");
  EXPECT_EQ(ask("SELECT waiting FROM S.consumer_lag"), "0");
  // The watermark says less than the table: PostgreSQL's own key finds it, whichever partition's it is.
  run("UPDATE S.watermarks SET seq = 5, event_id = '" + lane.events[4]->id.to_string() + "'");
  const auto again = deliver(*connection_, options(), lane, 100);
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().error_class, ErrorClass::kSetup) << again.error().text;
  EXPECT_NE(again.error().hint.find("hookspool repair"), std::string::npos) << again.error().hint;
  run("INSERT INTO S.events (id, agent_id, epoch, seq, source, received_at) VALUES"
      " (S.id_at(now() + interval '99 years'), 'edge-1', gen_random_uuid(), 7, 'github', now()),"
      " ('00000000-0000-7000-8000-000000000001', 'edge-1', gen_random_uuid(), 8, 'github', now())");
  EXPECT_EQ(ask("SELECT string_agg(seq::text, ' ') FROM S.consume('billing', 100)"), "7 8")
      << "any id has a place";
}

TEST_F(PgRetentionTest, WeeksAreDroppedBehindTheConsumersAndALateRowHasAPlace) {
  run("SELECT S.partition_events()");
  move_partitions_back(20);
  rows_of_days("github", 150);
  EXPECT_EQ(ask("SELECT S.make_partitions()"), "34") << "20 weeks back, this one, and 13 to come";
  EXPECT_EQ(ask("SELECT count(*) FROM S.events_far"), "0") << "moved into their weeks";
  run("SELECT S.create_consumer('billing', 'beginning')");
  const std::string held = ask("SELECT S.drop_week(interval '90 days')");
  EXPECT_EQ(held.substr(0, 11), "ERROR 55006") << held;
  EXPECT_NE(held.find("billing"), std::string::npos) << held;
  EXPECT_EQ(consumed("billing", 1000), "0-149");
  run("SELECT S.create_consumer('other', 'now', '{none}')");
  run("INSERT INTO S.failures (consumer, id, feed, arrival, attempts, skipped)"
      " SELECT 'other', id, feed, arrival, 5, true FROM S.events WHERE seq = 2");
  // events_start, and seven weeks, or eight on a Sunday.
  const int dropped = std::stoi(
      ask("SELECT count(*) FROM generate_series(1, 20) n WHERE S.drop_week(interval '90 days') IS NOT NULL"));
  EXPECT_GE(dropped, 8);
  EXPECT_LE(dropped, 9);
  const std::string low = ask("SELECT min(seq) FROM S.events WHERE seq > 2");
  EXPECT_GE(std::stoi(low), 53);
  EXPECT_LE(std::stoi(low), 60) << "younger than 90 days";
  EXPECT_EQ(ask("SELECT count(*) FROM S.events_before"), "1") << "what is among the failures stays";
  EXPECT_EQ(ask("SELECT deleted_to = " + low + " FROM S.retention"), "t") << "seq begins at 0, arrival at 1";
  run("INSERT INTO S.events (id, agent_id, epoch, seq, source, received_at) VALUES"
      " ('00000000-0000-7000-8000-000000000001', 'edge-1', gen_random_uuid(), 1000, 'github', now())");
  EXPECT_EQ(ask("SELECT count(*) FROM S.events_before"), "2");
  EXPECT_EQ(consumed("billing", 1000), "1000-1000");
  run("SELECT S.create_consumer('late', 'beginning')");
  EXPECT_EQ(consumed("late", 1000), low + "-1000");
  EXPECT_EQ(ask("SELECT max(lost) FROM S.consumer_lag"), "0");
}

// A drop gives way to other transactions on the table: it is tried again another time.
TEST_F(PgRetentionTest, ADropGivesWayToALongReader) {
  run("SELECT S.partition_events()");
  move_partitions_back(20);
  rows_of_days("github", 140);
  run("SELECT S.make_partitions()");
  auto reader = connect();
  run(*reader, "BEGIN; SELECT count(*) FROM S.events");
  EXPECT_EQ(ask("SELECT S.drop_week(interval '90 days')").substr(0, 11), "ERROR 55P03");
  run(*reader, "COMMIT");
  EXPECT_EQ(ask("SELECT S.drop_week(interval '90 days')"), "events_start");
}

TEST_F(PgRetentionTest, WhatHangsOnTheTableIsNamedBeforeAnythingIsChanged) {
  run("CREATE VIEW S.mine AS SELECT id FROM S.events");
  const std::string refused = ask("SELECT S.partition_events()");
  EXPECT_EQ(refused.substr(0, 11), "ERROR 2BP01") << refused;
  EXPECT_NE(refused.find("mine"), std::string::npos) << refused;
  run("DROP VIEW S.mine");
  EXPECT_NE(ask("SELECT S.partition_events()").substr(0, 5), "ERROR");
}

TEST_F(PgRetentionTest, ALargeTableIsPreparedWithoutHoldingDeliveriesUp) {
  run("ALTER TABLE S.events ALTER COLUMN body SET STORAGE PLAIN;"
      "INSERT INTO S.events (id, agent_id, epoch, seq, source, received_at, body, feed, arrival)"
      " SELECT S.id_at(now() - n * interval '1 minute'), 'edge-1', gen_random_uuid(), n, 'github', now(),"
      " decode(repeat('ab', 7900), 'hex'), 1, n FROM generate_series(1, 17000) n");
  const auto refused = connection_->query(with_schema("SELECT S.partition_events()", schema_), soon());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().sqlstate, "55000") << refused.error().text;
  const std::string hint = refused.error().server_hint;
  std::size_t ran = 0;
  for (std::size_t at = hint.find("CREATE INDEX"); at < hint.size(); ++ran) {
    const std::size_t end = hint.find(';', at);
    ASSERT_NE(end, std::string::npos) << hint;
    run(hint.substr(at, end - at));
    at = end + 2;
  }
  EXPECT_EQ(ran, 3u) << hint;
  EXPECT_GE(std::stoi(ask("SELECT S.partition_events()")), 8);
  EXPECT_EQ(ask("SELECT count(*) FROM S.events"), "17000");
  run("DROP TABLE S.events CASCADE");
}

TEST_F(PgRetentionTest, ExportedRowsAreLinesOfAsciiJson) {
  rows_of_days("github", 3);
  rows_of_days("stripe", 2);
  run("INSERT INTO S.events (id, agent_id, epoch, seq, source, received_at, delivery_id, remote_addr, "
      "headers, payload, body,"
      " payload_issue) VALUES ('ffffffff-0000-7000-8000-000000000001', 'edge-1', "
      "'00000000-0000-0000-0000-000000000002', 9,"
      " 'hostile', '2026-11-23 14:00:00.000123+00', E'a\\x1b[31m\\u009b\\u202e', '10.0.0.1', "
      "'{\"x\":\"\\u007f\"}',"
      " '{\"n\":1e400, \"big\":12345678901234567890.10, \"t\":\"\\ud83d\\ude00\\n\"}', '\\x00ff0a', 'bom')");
  const auto lines = [&](const ExportRequest& request) {
    std::vector<std::string> all;
    const auto done = export_events(*connection_, options(), request, [&](std::string_view line) {
      all.emplace_back(line);
      return true;
    });
    EXPECT_TRUE(done.ok()) << (done ? "" : done.error().text);
    return all;
  };
  EXPECT_EQ(lines({}).size(), 6u);
  EXPECT_EQ(lines({.sources = {"github", "o'ne"}, .since_us = {}, .until_us = {}}).size(), 3u);
  const std::int64_t now_us = std::stoll(ask("SELECT (extract(epoch FROM now()) * 1000000)::bigint"));
  const std::int64_t day_us = 86'400'000'000;
  EXPECT_EQ(
      lines({.sources = {"github"}, .since_us = now_us - 2 * day_us, .until_us = now_us - day_us}).size(),
      1u);
  const auto hostile = lines({.sources = {"hostile"}, .since_us = {}, .until_us = {}});
  ASSERT_EQ(hostile.size(), 1u);
  const std::string arrival = ask("SELECT feed FROM S.feeds WHERE source = 'hostile'");
  EXPECT_EQ(
      hostile[0],
      R"({"id":"ffffffff-0000-7000-8000-000000000001","source":"hostile","received_at":"2026-11-23T14:00:00.000123Z",)"
      R"("agent_id":"edge-1","epoch":"00000000-0000-0000-0000-000000000002","seq":9,)"
      R"("delivery_id":"a\u001b[31m\u009b\u202e","method":null,"path":null,"query":null,"remote_addr":"10.0.0.1",)"
      R"("content_type":null,"headers":{"x": "\u007f"},"payload":{"n": 1)" +
          std::string(400, '0') +
          R"(, "t": "\ud83d\ude00\n", "big": 12345678901234567890.10},"payload_issue":"bom",)"
          R"("body_base64":"AP8K","feed":)" +
          arrival + ",\"arrival\":1}\n");
  // Enough is enough: the connection is broken off, and nothing of the rest is read.
  std::size_t taken = 0;
  const auto stopped =
      export_events(*connection_, options(), {}, [&](std::string_view) { return ++taken < 2; });
  EXPECT_TRUE(stopped.ok());
  EXPECT_EQ(taken, 2u);
  EXPECT_TRUE(connection_->broken());
}

}  // namespace
}  // namespace hookspool::net
