#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>

#include "net/pg/delivery/delivery.h"
#include "net/pg/tables/payload.h"
#include "tests/support/wait.h"
#include "tests/unit/net/pg_fixture.h"

namespace hookspool::net {
namespace {

using namespace std::chrono_literals;

std::string hex(std::string_view bytes) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += digits[static_cast<unsigned char>(c) >> 4];
    text += digits[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

class PgDeliveryTest : public PgTest {
 protected:
  void SetUp() override {
    make_schema();
    connection_ = connect();
  }
  std::string events(const std::string& expression, const std::string& rest = "") {
    return value(*connection_, "SELECT " + expression + " FROM " + table("events") + " " + rest);
  }
  PgResult<DeliveryTransaction> begin(const Lane& lane, bool create = true) {
    return DeliveryTransaction::begin(*connection_, options(), lane.key(), create);
  }
  std::unique_ptr<Connection> connection_;
};

TEST_F(PgDeliveryTest, EveryColumnArrives) {
  Lane lane("git'hub \"ü\"");
  auto full = std::make_shared<StoredEvent>(*lane.add(R"({"a":[1,"\u00fc"]})"));
  full->event.delivery_id = "d-1";
  full->event.query = "a=1&b=ü";
  full->event.remote_addr = "192.0.2.7";
  full->event.content_type = "application/json; charset=utf-8";
  full->event.received_at_us = 1'795'000'000'123'456;
  lane.events[0] = full;
  lane.add("plain text");
  ASSERT_EQ(deliver(*connection_, options(), lane, 10).value(), lane.last());

  auto rows = connection_->query("SELECT * FROM " + table("events") + " ORDER BY id", soon());
  ASSERT_TRUE(rows.ok());
  ASSERT_EQ(rows->rows.size(), 2u);
  const std::vector<std::optional<std::string>> first{
      full->id.to_string(),
      "edge-1",
      lane.epoch.to_string(),
      "1",
      lane.name,
      value(*connection_, "SELECT to_timestamp(1795000000) + interval '123456 microseconds'"),
      "d-1",
      "POST",
      full->event.path,
      "a=1&b=ü",
      "192.0.2.7",
      "application/json; charset=utf-8",
      R"({"content-type": "application/json"})",
      R"({"a": [1, "ü"]})",
      std::nullopt,
      std::nullopt,
      value(*connection_, "SELECT feed FROM " + table("feeds")),
      "1"};
  EXPECT_EQ(rows->rows[0], first);
  EXPECT_EQ(rows->rows[1][6], std::nullopt);   // delivery_id
  EXPECT_EQ(rows->rows[1][9], std::nullopt);   // query
  EXPECT_EQ(rows->rows[1][10], std::nullopt);  // remote_addr
  EXPECT_EQ(rows->rows[1][11], std::nullopt);  // content_type
  EXPECT_EQ(rows->rows[1][13], std::nullopt);  // payload
  EXPECT_EQ(rows->rows[1][14], "\\x" + hex("plain text"));
  EXPECT_EQ(rows->rows[1][15], "not_json");
  EXPECT_EQ(value(*connection_, "SELECT seq || ' ' || event_id FROM " + table("watermarks")),
            "2 " + lane.last().id.to_string());
}

TEST_F(PgDeliveryTest, AddressesOfBothKinds) {
  Lane lane;
  const std::vector<std::pair<std::string, std::string>> addresses{{"127.0.0.1", "127.0.0.1"},
                                                                   {"2001:db8::1", "2001:db8::1"},
                                                                   {"fe80::1%eth0", "fe80::1"},
                                                                   {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
                                                                   {"", "NULL"},
                                                                   {"not an address", "NULL"}};
  for (const auto& [address, expected] : addresses) {
    auto event = std::make_shared<StoredEvent>(*lane.add("{}"));
    event->event.remote_addr = address;
    lane.events.back() = event;
  }
  ASSERT_TRUE(deliver(*connection_, options(), lane, 10).ok());
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    EXPECT_EQ(events("host(remote_addr)", "WHERE seq = " + std::to_string(i + 1)), addresses[i].second);
  }
}

TEST_F(PgDeliveryTest, AThousandBodiesByteForByte) {
  Lane lane;
  std::mt19937 random(7);
  for (int i = 0; i < 1000; ++i) {
    // Now and then bigger than a chunk of COPY and a TLS record.
    std::string body(i % 100 == 99 ? 200'000 : random() % 300, '\0');
    for (char& c : body) c = static_cast<char>(random());
    if (i % 3 == 0) body = "{\"n\":" + std::to_string(i) + ",\"text\":\"" + hex(body) + "\"}";
    if (i % 7 == 0) body = "[\"\\u0000" + std::to_string(i) + "\"]";
    lane.add(body);
  }
  ASSERT_EQ(deliver(*connection_, options(), lane, 1000).value(), lane.last());
  auto rows =
      connection_->query("SELECT id, seq, encode(body, 'hex'), payload IS NOT NULL, payload_issue FROM " +
                             table("events") + " ORDER BY id",
                         soon());
  ASSERT_TRUE(rows.ok());
  ASSERT_EQ(rows->rows.size(), 1000u);
  for (std::size_t i = 0; i < 1000; ++i) {
    const auto& row = rows->rows[i];
    const StoredEvent& event = *lane.events[i];
    ASSERT_EQ(row[0], event.id.to_string());
    ASSERT_EQ(row[1], std::to_string(event.seq));
    const Payload payload = to_payload(event.event.body);
    ASSERT_EQ(row[3], payload.is_json ? "t" : "f");
    ASSERT_EQ(row[4].value_or(""), payload.issue);
    if (payload.issue.empty()) {
      ASSERT_EQ(row[2], std::nullopt);
    } else {
      ASSERT_EQ(row[2], hex(event.event.body)) << i;
    }
  }
  EXPECT_EQ(events("count(*)", "WHERE payload->>'n' = (seq - 1)::text"), "286");
}

TEST_F(PgDeliveryTest, TheWatermarkMovesWithTheRows) {
  Lane lane;
  for (int i = 0; i < 10; ++i) lane.add("{}");
  {
    auto absent = begin(lane, false);
    ASSERT_TRUE(absent.ok());
    EXPECT_FALSE(absent->watermark().has_value());
  }
  EXPECT_TRUE(connection_->usable());
  {
    auto fresh = begin(lane);
    ASSERT_TRUE(fresh.ok());
    EXPECT_EQ(fresh->watermark(), Position{});
    ASSERT_TRUE(fresh->commit().ok());
  }
  EXPECT_EQ(deliver(*connection_, options(), lane, 4).value().seq, 4u);
  {
    auto twice = begin(lane, false);
    ASSERT_TRUE(twice.ok());
    EXPECT_EQ(twice->watermark(), (Position{4, lane.events[3]->id}));
    ASSERT_TRUE(twice->copy(lane.from(5, 2)).ok());
    ASSERT_TRUE(twice->copy(lane.from(7, 4)).ok());
    ASSERT_TRUE(twice->copy({}).ok());
    ASSERT_TRUE(twice->commit().ok());
  }
  EXPECT_EQ(begin(lane, false)->watermark(), lane.last());
  EXPECT_EQ(events("count(*) || ' ' || count(DISTINCT seq) || ' ' || max(seq)"), "10 10 10");
}

TEST_F(PgDeliveryTest, PiecesAreOneCopy) {
  Lane lane;
  for (int i = 0; i < 30; ++i) lane.add("{}");
  auto transaction = begin(lane);
  ASSERT_TRUE(transaction.ok());
  for (const std::uint64_t seq : {1u, 11u, 21u}) {
    ASSERT_TRUE(transaction->copy_some(lane.from(seq, 10)).ok());
    EXPECT_EQ(transaction->position().seq, seq + 9);
  }
  ASSERT_TRUE(transaction->finish_copy().ok());
  ASSERT_TRUE(transaction->finish_copy().ok()) << "there is nothing more to finish";
  ASSERT_TRUE(transaction->commit().ok());
  EXPECT_EQ(begin(lane, false)->watermark(), lane.last());
  EXPECT_EQ(events("count(*) || ' ' || count(DISTINCT xmin::text) || ' ' || max(seq)"), "30 1 30");
}

TEST_F(PgDeliveryTest, ARefusalOfAnyPieceIsToldBeforeTheCommit) {
  Lane lane;
  for (int i = 0; i < 6; ++i) lane.add("{}");
  ASSERT_TRUE(connection_->query("ALTER TABLE " + table("events") + " ADD CHECK (seq <> 1)", soon()).ok());
  {
    auto transaction = begin(lane);
    ASSERT_TRUE(transaction.ok());
    PgResult<void> copied;
    for (const std::uint64_t seq : {1u, 3u, 5u}) {
      if (copied) copied = transaction->copy_some(lane.from(seq, 2));
    }
    if (copied) copied = transaction->finish_copy();
    ASSERT_FALSE(copied.ok());
    EXPECT_EQ(copied.error().error_class, ErrorClass::kEvent);
    EXPECT_EQ(copied.error().sqlstate, "23514");
  }
  EXPECT_TRUE(connection_->usable()) << "rolled back";
  EXPECT_EQ(events("count(*)"), "0");
}

TEST_F(PgDeliveryTest, WhatIsDroppedAmongItsPiecesIsNotCommitted) {
  Lane lane;
  lane.add("{}");
  {
    auto transaction = begin(lane);
    ASSERT_TRUE(transaction.ok());
    ASSERT_TRUE(transaction->copy_some(lane.from(1, 1)).ok());
  }
  EXPECT_FALSE(connection_->usable());
  connection_ = connect();
  ASSERT_TRUE(deliver(*connection_, options(), lane, 1).ok());
  EXPECT_EQ(events("count(*)"), "1");
}

TEST_F(PgDeliveryTest, WhatIsDroppedIsRolledBack) {
  Lane lane;
  lane.add("{}");
  {
    auto transaction = begin(lane);
    ASSERT_TRUE(transaction.ok());
    ASSERT_TRUE(transaction->copy(lane.from(1, 1)).ok());
  }
  EXPECT_TRUE(connection_->usable());
  EXPECT_EQ(events("count(*)"), "0");
  EXPECT_EQ(value(*connection_, "SELECT count(*) FROM " + table("watermarks")), "0");
}

TEST_F(PgDeliveryTest, RowsAboveTheWatermark) {
  Lane lane;
  Lane other("other");
  for (int i = 0; i < 3; ++i) lane.add("{}");
  other.add("{}");
  ASSERT_TRUE(deliver(*connection_, options(), lane, 10).ok());
  ASSERT_TRUE(deliver(*connection_, options(), other, 10).ok());
  auto transaction = begin(lane, false);
  ASSERT_TRUE(transaction.ok());
  for (std::uint64_t seq = 0; seq <= 3; ++seq) {
    EXPECT_EQ(transaction->rows_above(seq, Uuid{}).value(), seq < 3);
    const Uuid after = seq > 0 ? lane.events[seq - 1]->id : Uuid{};
    EXPECT_EQ(transaction->rows_above(seq, after).value(), seq < 3);
  }
}

// The first of two waits for the lock; the second sees what the first has committed, and sends nothing twice.
TEST_F(PgDeliveryTest, AZombieIsWaitedFor) {
  Lane lane;
  for (int i = 0; i < 6; ++i) lane.add("{}");
  ASSERT_TRUE(deliver(*connection_, options(), lane, 2).ok());
  auto zombie = begin(lane);
  ASSERT_TRUE(zombie.ok());
  ASSERT_TRUE(zombie->copy(lane.from(3, 2)).ok());

  std::atomic<std::uint64_t> seen = 0;
  std::jthread successor([&] {
    auto connection = connect();
    auto transaction = DeliveryTransaction::begin(*connection, options(), lane.key(), true);
    ASSERT_TRUE(transaction.ok()) << transaction.error().text;
    seen = transaction->watermark()->seq;
    EXPECT_TRUE(transaction->copy(lane.from(seen + 1, 10)).ok());
    EXPECT_TRUE(transaction->commit().ok());
  });
  ASSERT_TRUE(testing::wait_until(10s, [] {
    return cluster().value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") == "1";
  }));
  EXPECT_EQ(seen, 0u);
  ASSERT_TRUE(zombie->commit().ok());
  successor.join();
  EXPECT_EQ(seen, 4u);
  EXPECT_EQ(events("count(*) || ' ' || count(DISTINCT seq)"), "6 6");
}

// The same under a role that prefers another isolation level and does not wait for the disk.
TEST_F(PgDeliveryTest, TheRolesSettingsDoNotMatter) {
  Lane lane;
  for (int i = 0; i < 4; ++i) lane.add("{}");
  cluster().query("ALTER ROLE hookspool SET default_transaction_isolation = 'serializable'");
  cluster().query("ALTER ROLE hookspool SET synchronous_commit = 'off'");
  connection_ = connect();
  auto transaction = begin(lane);
  ASSERT_TRUE(transaction.ok());
  EXPECT_EQ(value(*connection_, "SHOW transaction_isolation"), "read committed");
  EXPECT_EQ(value(*connection_, "SHOW synchronous_commit"), "on");
  EXPECT_EQ(value(*connection_, "SHOW statement_timeout"), "30s");
  EXPECT_EQ(value(*connection_, "SHOW lock_timeout"), "5s");
  EXPECT_EQ(value(*connection_, "SHOW idle_in_transaction_session_timeout"), "30s");
  EXPECT_TRUE(transaction->commit().ok());
  cluster().query("ALTER ROLE hookspool RESET ALL");
}

TEST_F(PgDeliveryTest, AHeldLockIsAnOutage) {
  Lane lane;
  lane.add("{}");
  auto holder = begin(lane);
  ASSERT_TRUE(holder.ok());
  ASSERT_TRUE(holder->commit().ok());
  auto again = begin(lane);
  ASSERT_TRUE(again.ok());
  auto other = connect();
  PgOptions hurried = options();
  hurried.lock_timeout = 50ms;
  auto refused = DeliveryTransaction::begin(*other, hurried, lane.key(), true);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().sqlstate, "55P03");
  EXPECT_EQ(refused.error().error_class, ErrorClass::kOutage);
  EXPECT_TRUE(other->usable()) << "rolled back";
}

TEST_F(PgDeliveryTest, AFailedTransactionDoesNotCommit) {
  Lane lane;
  lane.add("{}");
  ASSERT_TRUE(connection_->query("ALTER TABLE " + table("events") + " ADD CHECK (seq <> 1)", soon()).ok());
  auto transaction = begin(lane);
  ASSERT_TRUE(transaction.ok());
  auto copied = transaction->copy(lane.from(1, 1));
  ASSERT_FALSE(copied.ok());
  EXPECT_EQ(copied.error().error_class, ErrorClass::kEvent);
  EXPECT_EQ(copied.error().sqlstate, "23514");
  auto committed = transaction->commit();
  ASSERT_FALSE(committed.ok());
  EXPECT_NE(committed.error().text.find("ROLLBACK"), std::string::npos) << committed.error().text;
  EXPECT_FALSE(committed.error().in_doubt);
  EXPECT_TRUE(connection_->usable());
}

TEST_F(PgDeliveryTest, ADeferredConstraintRefusesAtCommit) {
  Lane lane;
  lane.add("{}");
  lane.add("{}");
  ASSERT_TRUE(connection_
                  ->query("ALTER TABLE " + table("events") +
                              " ADD CONSTRAINT one_body UNIQUE (payload) DEFERRABLE INITIALLY DEFERRED",
                          soon())
                  .ok());
  auto delivered = deliver(*connection_, options(), lane, 10);
  ASSERT_FALSE(delivered.ok());
  EXPECT_EQ(delivered.error().error_class, ErrorClass::kEvent);
  EXPECT_FALSE(delivered.error().in_doubt);
  EXPECT_TRUE(connection_->usable());
  EXPECT_EQ(events("count(*)"), "0");
}

TEST_F(PgDeliveryTest, AWatermarkThatCannotMoveHoldsTheLane) {
  Lane lane;
  lane.add("{}");
  ASSERT_TRUE(connection_
                  ->query("CREATE FUNCTION " + table("nothing") +
                              "() RETURNS trigger LANGUAGE plpgsql AS "
                              "'BEGIN RETURN NULL; END'; CREATE TRIGGER t BEFORE UPDATE ON " +
                              table("watermarks") + " FOR EACH ROW EXECUTE FUNCTION " + table("nothing") +
                              "()",
                          soon())
                  .ok());
  auto delivered = deliver(*connection_, options(), lane, 10);
  ASSERT_FALSE(delivered.ok());
  EXPECT_EQ(delivered.error().error_class, ErrorClass::kSetup) << delivered.error().text;
  EXPECT_FALSE(delivered.error().in_doubt);
  EXPECT_EQ(events("count(*)"), "0");
}

TEST_F(PgDeliveryTest, RowsThatVanishHoldTheLane) {
  Lane lane;
  lane.add("{}");
  lane.add("{}");
  ASSERT_TRUE(connection_
                  ->query("CREATE FUNCTION " + table("drop_first") +
                              "() RETURNS trigger LANGUAGE plpgsql AS "
                              "'BEGIN IF NEW.seq = 1 THEN RETURN NULL; END IF; RETURN NEW; END'; CREATE "
                              "TRIGGER t BEFORE INSERT ON " +
                              table("events") + " FOR EACH ROW EXECUTE FUNCTION " + table("drop_first") +
                              "()",
                          soon())
                  .ok());
  auto delivered = deliver(*connection_, options(), lane, 10);
  ASSERT_FALSE(delivered.ok());
  EXPECT_EQ(delivered.error().error_class, ErrorClass::kSetup);
  EXPECT_EQ(events("count(*)"), "0");
}

TEST_F(PgDeliveryTest, RowsThatAreThereAlreadyAreNoPoison) {
  Lane lane;
  lane.add("{}");
  ASSERT_TRUE(deliver(*connection_, options(), lane, 10).ok());
  ASSERT_TRUE(
      connection_->query("UPDATE " + table("watermarks") + " SET seq = 0, event_id = NULL", soon()).ok());
  auto delivered = deliver(*connection_, options(), lane, 10);
  ASSERT_FALSE(delivered.ok());
  EXPECT_EQ(delivered.error().sqlstate, "23505");
  EXPECT_EQ(delivered.error().error_class, ErrorClass::kSetup);
  EXPECT_FALSE(delivered.error().hint.empty());
}

TEST_F(PgDeliveryTest, ACommitWithWhichATriggerWarnsIsNotInDoubt) {
  Lane lane;
  lane.add("{}");
  ASSERT_TRUE(connection_
                  ->query("CREATE FUNCTION " + table("warn") +
                              "() RETURNS trigger LANGUAGE plpgsql AS "
                              "'BEGIN RAISE WARNING ''w''; RETURN NULL; END'; CREATE CONSTRAINT TRIGGER t "
                              "AFTER INSERT ON " +
                              table("events") +
                              " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION " +
                              table("warn") + "()",
                          soon())
                  .ok());
  const auto delivered = deliver(*connection_, options(), lane, 10);
  EXPECT_TRUE(delivered.ok());
  EXPECT_EQ(begin(lane)->watermark()->seq, 1u);
}

TEST_F(PgDeliveryTest, ACommitWhoseWaitForTheStandbyIsCancelledIsInDoubt) {
  Lane lane;
  lane.add("{}");
  cluster().set("synchronous_standby_names", "nobody");
  std::thread canceller([] {
    for (int tries = 0; tries < 2'000; ++tries) {
      const auto cancelled =
          cluster().query("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
      if (!cancelled.empty()) return;
      std::this_thread::sleep_for(10ms);
    }
  });
  const auto delivered = deliver(*connection_, options(), lane, 10);
  canceller.join();
  cluster().set("synchronous_standby_names", "");
  ASSERT_FALSE(delivered.ok());
  EXPECT_TRUE(delivered.error().in_doubt);
  EXPECT_EQ(delivered.error().error_class, ErrorClass::kOutage);
  EXPECT_EQ(begin(lane)->watermark()->seq, 1u);
}

// A COMMIT that waits for a standby is bounded by no server time-out.
TEST_F(PgDeliveryTest, ACommitThatHangsIsLeftInDoubt) {
  Lane lane;
  lane.add("{}");
  PgOptions hurried = options();
  hurried.statement_timeout = 100ms;
  hurried.answer_margin = 300ms;
  auto connection = connect(hurried);
  auto transaction = DeliveryTransaction::begin(*connection, hurried, lane.key(), true);
  ASSERT_TRUE(transaction.ok()) << transaction.error().text;
  ASSERT_TRUE(transaction->copy(lane.from(1, 1)).ok());
  cluster().query("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
  cluster().query("SELECT pg_reload_conf()");
  ASSERT_TRUE(
      testing::wait_until(10s, [] { return cluster().value("SHOW synchronous_standby_names") == "nobody"; }));
  auto committed = transaction->commit();
  EXPECT_FALSE(committed.ok());
  EXPECT_TRUE(!committed && committed.error().in_doubt && committed.error().connection_lost);
  EXPECT_TRUE(connection->broken());
  cluster().query("ALTER SYSTEM RESET synchronous_standby_names");
  cluster().query("SELECT pg_reload_conf()");
  auto next = begin(lane);
  ASSERT_TRUE(next.ok()) << next.error().text;
  EXPECT_EQ(next->watermark()->seq, 1u);
}

}  // namespace
}  // namespace hookspool::net
