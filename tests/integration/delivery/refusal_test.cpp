// One event that PostgreSQL refuses, in all the places and with all the words there are, stops nothing; a table that
// refuses all of them stops the lane and costs nothing.
#include <gtest/gtest.h>

#include <thread>

#include "tests/integration/delivery/rig.h"
#include "tests/support/wait.h"

namespace hookspool::agent {
namespace {

using std::chrono::seconds;

class RefusalTest : public DeliveryTest {
 protected:
  void SetUp() override {
    Life life(options("making"));
    life.begin();
    ASSERT_TRUE(testing::wait_until(seconds(20), [&] { return life.uplink().up(); }));
    // What a body says, as a column that keys can be made of.
    run("ALTER TABLE " + table("events") +
        " ADD COLUMN said text GENERATED ALWAYS AS (payload #>> '{}') STORED");
  }
  // `body`: of a trigger's function, where NEW is the row.
  void trigger(const std::string& when, const std::string& body) const {
    run("CREATE OR REPLACE FUNCTION " + schema_ + ".react() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN " +
        body + " RETURN NEW; END$$");
    run("CREATE " + when + " FOR EACH ROW EXECUTE FUNCTION " + schema_ + ".react()");
  }
  void before_insert(const std::string& body) const {
    trigger("TRIGGER react BEFORE INSERT ON " + table("events"), body);
  }
  void deferred(const std::string& body) const {
    trigger("CONSTRAINT TRIGGER react AFTER INSERT ON " + table("events") + " DEFERRABLE INITIALLY DEFERRED",
            body);
  }
  // One bad event among others: out of the journal, and then again where a delivery begins while the journal syncs.
  void expect_one_is_buried(const std::string& sqlstate, const Life::Options& given) {
    Life life(given);
    life.append("a", 3, "x");
    life.append_body("a", "\"bad1\"");
    life.append("a", 3, "y");
    life.begin();
    ASSERT_TRUE(life.delivered()) << life.lane("a").state << ": " << life.lane("a").error;
    life.append_body("a", "\"bad2\"");
    life.append("a", 1, "z");
    ASSERT_TRUE(life.delivered()) << life.lane("a").state << ": " << life.lane("a").error;
    EXPECT_EQ(bodies("a"), "x1 x2 x3 y1 y2 y3 z1");
    EXPECT_EQ(
        value("SELECT string_agg(convert_from(body, 'UTF8') || ' ' || sqlstate, ' ' ORDER BY seq) FROM " +
              table("dead_letters")),
        "\"bad1\" " + sqlstate + " \"bad2\" " + sqlstate);
    EXPECT_EQ(life.lanes().figures().in_doubt, 0u);
  }
  void expect_one_is_buried(const std::string& sqlstate) { expect_one_is_buried(sqlstate, options()); }
  std::string dead() const { return count("dead_letters"); }
};

// What Django's migrations write.
TEST_F(RefusalTest, ADeferredForeignKey) {
  run("CREATE TABLE " + table("known") + " (said text PRIMARY KEY); INSERT INTO " + table("known") +
      " VALUES ('x1'), ('x2'), ('x3'), ('y1'), ('y2'), ('y3'), ('z1'); GRANT SELECT ON " + table("known") +
      " TO hookspool");
  run("ALTER TABLE " + table("events") + " ADD FOREIGN KEY (said) REFERENCES " + table("known") +
      " DEFERRABLE INITIALLY DEFERRED");
  expect_one_is_buried("23503");
}

TEST_F(RefusalTest, ADeferredUniqueKey) {
  run("ALTER TABLE " + table("events") +
      " ADD COLUMN once text GENERATED ALWAYS AS (left(payload #>> '{}', 3)) STORED,"
      " ADD UNIQUE (once) DEFERRABLE INITIALLY DEFERRED");
  {
    Life life(options("first"));
    life.append_body("b", "\"bad0\"");
    life.begin();
    ASSERT_TRUE(life.delivered());
  }
  expect_one_is_buried("23505");
}

TEST_F(RefusalTest, ADeferredTrigger) {
  deferred("IF NEW.said LIKE 'bad%' THEN RAISE EXCEPTION 'no'; END IF;");
  expect_one_is_buried("P0001");
}

TEST_F(RefusalTest, WhatStillComesWithCommitItself) {
  deferred(
      "IF NEW.said LIKE 'bad%' AND current_setting('application_name') <> 'later' THEN "
      "SET LOCAL application_name = 'later'; SET CONSTRAINTS ALL DEFERRED; "
      "INSERT INTO " +
      table("events") +
      " SELECT gen_random_uuid(), agent_id, epoch, seq, source || '-', received_at, delivery_id, method, "
      "path, "
      "query, remote_addr, content_type, headers, payload, body, payload_issue FROM " +
      table("events") + " WHERE id = NEW.id; ELSIF NEW.said LIKE 'bad%' THEN RAISE EXCEPTION 'no'; END IF;");
  expect_one_is_buried("P0001");
}

TEST_F(RefusalTest, ATriggerThatWarnsAtCommitLeavesNoDoubt) {
  deferred("RAISE WARNING 'look'; IF NEW.said LIKE 'bad%' THEN RAISE EXCEPTION 'no'; END IF;");
  expect_one_is_buried("P0001");
}

TEST_F(RefusalTest, ACaseWithoutElse) {
  before_insert(
      "CASE left(NEW.payload #>> '{}', 1) WHEN 'x' THEN NULL; WHEN 'y' THEN NULL; WHEN 'z' THEN NULL; END "
      "CASE;");
  expect_one_is_buried("20000");
}

TEST_F(RefusalTest, CodesOfTheUsersOwnAndOnesThatMayBeTheSetups) {
  for (const char* code : {"U0001", "38001", "42883", "42P01", "42501", "55000", "ZZ999", "28000"}) {
    SCOPED_TRACE(code);
    run("DROP TRIGGER IF EXISTS react ON " + table("events") + "; TRUNCATE " + table("events") + ", " +
        table("dead_letters"));
    before_insert(
        std::string("IF NEW.payload #>> '{}' LIKE 'bad%' THEN RAISE EXCEPTION 'no' USING ERRCODE = '") +
        code + "'; END IF;");
    auto given = options(std::string("journal-") + code);
    expect_one_is_buried(code, given);
  }
}

// A right that was revoked, a function that is gone: every event is refused in the words of one.
TEST_F(RefusalTest, WhatIsTheSetupsBuriesNothingAndHolds) {
  before_insert("RAISE EXCEPTION 'permission denied for table audit' USING ERRCODE = '42501';");
  Life life(options());
  life.append("a", 60, "x");
  life.begin();
  ASSERT_TRUE(life.held("a")) << life.lane("a").error;
  EXPECT_EQ(life.lane("a").sqlstate, "42501");
  EXPECT_NE(life.lane("a").hint.find("hookspool dead bury --source a"), std::string::npos)
      << life.lane("a").hint;
  EXPECT_EQ(dead(), "0");
  run("DROP TRIGGER react ON " + table("events"));
  ASSERT_TRUE(life.delivered());
  EXPECT_EQ(count("events"), "60");
  EXPECT_EQ(dead(), "0");
}

TEST_F(RefusalTest, AnyNumberOfRefusedEventsInARowHoldsNobodyUp) {
  before_insert("IF NEW.payload #>> '{}' LIKE 'bad%' THEN RAISE EXCEPTION 'no'; END IF;");
  Life life(options());
  life.append("a", 3, "x");
  life.append("a", 90, "bad");
  life.append("a", 100, "y");
  life.begin();
  ASSERT_TRUE(life.delivered(milliseconds(60'000))) << life.lane("a").state << ": " << life.lane("a").error;
  EXPECT_EQ(count("events"), "103");
  EXPECT_EQ(dead(), "90");
  EXPECT_EQ(life.lanes().figures().put_back, 0u);
}

TEST_F(RefusalTest, ALaneThatWaitsForAProofGoesOnWithTheFirstEventThatIsTaken) {
  before_insert("IF NEW.payload #>> '{}' LIKE 'bad%' THEN RAISE EXCEPTION 'no'; END IF;");
  auto given = options();
  given.backoff_max = milliseconds(3'600'000);  // only the new event can be what brings it on
  Life life(given);
  life.append("a", 30, "bad");
  life.begin();
  ASSERT_TRUE(life.held("a")) << life.lane("a").error;
  EXPECT_EQ(dead(), "20");
  life.append("a", 1, "y");
  ASSERT_TRUE(life.delivered()) << life.lane("a").state << ": " << life.lane("a").error;
  EXPECT_EQ(bodies("a"), "y1");
  EXPECT_EQ(dead(), "30");
}

// `dead retry --all` of a quiet source: what is refused once more is a dead letter as before and holds nothing.
TEST_F(RefusalTest, AnyNumberThatWasPutBackMayBeRefusedOnceMore) {
  before_insert("IF NEW.payload #>> '{}' LIKE 'bad%' THEN RAISE EXCEPTION 'no'; END IF;");
  Life life(options());
  life.append("a", 30, "bad");
  life.append("a", 1, "x");
  life.begin();
  ASSERT_TRUE(life.delivered()) << life.lane("a").state << ": " << life.lane("a").error;
  ASSERT_EQ(dead(), "30");
  for (const auto& row : shared_cluster().query("SELECT id, convert_from(body, 'UTF8') FROM " +
                                                table("dead_letters") + " ORDER BY seq")) {
    life.append_again("a", row[1].value(), *Uuid::parse(row[0].value()));
  }
  ASSERT_TRUE(life.delivered()) << life.lane("a").state << ": " << life.lane("a").error;
  EXPECT_EQ(bodies("a"), "x1");
  EXPECT_EQ(dead(), "30");
  EXPECT_EQ(value("SELECT min(seq) FROM " + table("dead_letters")), "32") << "each was tried";
}

TEST_F(RefusalTest, AnAdministratorBuriesWhatHoldsALane) {
  before_insert("RAISE EXCEPTION 'no' USING ERRCODE = '42883';");
  Life life(options());
  life.append("a", 5, "x");
  life.begin();
  ASSERT_TRUE(life.held("a"));
  const auto other = life.lanes().bury("a", 1, Uuid::parse("11111111-2222-4333-8444-555555555555"));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().status, 409);
  EXPECT_EQ(life.lanes().bury("nowhere", 1, std::nullopt).error().status, 404);
  const auto one = life.lanes().bury("a", 1, life.lane("a").refused_id);
  ASSERT_TRUE(one) << one.error().text;
  EXPECT_EQ(one->buried, 1u);
  EXPECT_EQ(dead(), "1");
  ASSERT_TRUE(testing::wait_until(seconds(20), [&] { return !life.lane("a").refused_id.is_nil(); }));
  const auto all = life.lanes().bury("a", 100, std::nullopt);
  ASSERT_TRUE(all) << all.error().text;
  EXPECT_TRUE(all->over);
  EXPECT_EQ(all->buried, 4u);
  EXPECT_EQ(dead(), "5");
  ASSERT_TRUE(testing::wait_until(seconds(20), [&] { return life.lane("a").state == "online"; }));
  EXPECT_EQ(life.lanes().bury("a", 1, std::nullopt).error().status, 409) << "nothing is held";
}

TEST_F(RefusalTest, OneThatTakesTooLongIsBuriedAndTheOthersGoOn) {
  before_insert("IF NEW.payload #>> '{}' LIKE 'bad%' THEN PERFORM pg_sleep(60); END IF;");
  auto given = options();
  given.statement_timeout = milliseconds(1'000);
  given.answer_margin = milliseconds(10'000);
  Life life(given);
  life.append_body("a", "\"x1\"");
  life.append_body("a", "\"bad1\"");
  life.append_body("a", "\"x2\"");
  life.begin();
  ASSERT_TRUE(life.delivered(milliseconds(60'000))) << life.lane("a").state << ": " << life.lane("a").error;
  EXPECT_EQ(bodies("a"), "x1 x2");
  EXPECT_EQ(value("SELECT string_agg(sqlstate, ' ') FROM " + table("dead_letters")), "57014");
}

TEST_F(RefusalTest, ALockThatAnotherHoldsBuriesNothing) {
  auto given = options();
  given.lock_timeout = milliseconds(3'000);
  given.statement_timeout = milliseconds(1'000);  // shorter: told as what it is all the same
  given.answer_margin = milliseconds(10'000);
  Life life(given);
  life.begin();
  life.append("a", 1, "x");
  ASSERT_TRUE(life.delivered());
  shared_cluster().query("SELECT 1");
  run("CREATE TABLE " + table("marker") + " (n int)");
  std::thread holder([&] {
    run("BEGIN; LOCK TABLE " + table("events") + " IN EXCLUSIVE MODE; SELECT pg_sleep(8); COMMIT");
  });
  ASSERT_TRUE(testing::wait_until(seconds(20), [&] {
    return value("SELECT count(*) FROM pg_locks WHERE mode = 'ExclusiveLock' AND relation = '" +
                 table("events") + "'::regclass AND granted") == "1";
  }));
  life.append("a", 10, "y");
  const bool stuck = testing::wait_until(seconds(20), [&] { return life.lane("a").stuck(); });
  const auto meanwhile = life.lane("a");
  holder.join();
  EXPECT_TRUE(stuck) << meanwhile.state;
  EXPECT_EQ(meanwhile.sqlstate, "55P03") << meanwhile.error;
  ASSERT_TRUE(life.delivered());
  EXPECT_EQ(count("events"), "11");
  EXPECT_EQ(dead(), "0");
}

TEST_F(RefusalTest, OneThatEndsTheServersProcessIsBuriedAndAnOutageIsNot) {
  before_insert(
      "IF NEW.payload #>> '{}' LIKE 'bad%' THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;");
  Life life(options());
  life.append("a", 3, "x");
  life.append_body("a", "\"bad1\"");
  life.append("a", 3, "y");
  life.begin();
  ASSERT_TRUE(life.delivered(milliseconds(60'000))) << life.lane("a").state << ": " << life.lane("a").error;
  EXPECT_EQ(bodies("a"), "x1 x2 x3 y1 y2 y3");
  EXPECT_EQ(dead(), "1");
}

TEST_F(RefusalTest, WhatIsComparedByIdMayBeRefusedToo) {
  auto given = options();
  Life life(given);
  life.append("a", 5, "x");
  life.append_body("a", "\"bad1\"");
  life.append("a", 5, "y");
  life.begin();
  ASSERT_TRUE(life.delivered());
  run("DELETE FROM " + table("events"));
  deferred("IF NEW.said LIKE 'bad%' THEN RAISE EXCEPTION 'no'; END IF;");
  ASSERT_TRUE(life.lanes().repair("a"));
  EXPECT_TRUE(testing::wait_until(seconds(20), [&] { return count("events") == "10" && dead() == "1"; }))
      << life.lane("a").state << ": " << life.lane("a").error;
  EXPECT_EQ(bodies("a"), "x1 x2 x3 x4 x5 y1 y2 y3 y4 y5");
}

TEST_F(RefusalTest, WhatATableRefusedInAnEarlierLifeGoesBackWhenItIsMended) {
  run("ALTER TABLE " + table("events") + " ADD COLUMN tenant text NOT NULL");
  {
    Life life(options());
    life.append("a", 40, "x");
    life.begin();
    ASSERT_TRUE(life.held("a"));
    EXPECT_EQ(dead(), "20");
  }
  {
    Life life(options());
    life.begin();
    ASSERT_TRUE(life.held("a"));
    EXPECT_EQ(dead(), "20") << "not twenty more with each life";
  }
  run("ALTER TABLE " + table("events") + " ALTER COLUMN tenant DROP NOT NULL");
  Life life(options());
  life.begin();
  EXPECT_TRUE(testing::wait_until(seconds(20), [&] { return count("events") == "40"; })) << count("events");
  EXPECT_EQ(dead(), "0");
  EXPECT_EQ(doubled(), "0");
}

TEST_F(RefusalTest, AMissingPartitionHoldsAtOnceAndNothingIsBuried) {
  run("CREATE TABLE " + table("mine") + " (id uuid, kind text) PARTITION BY LIST (kind); ALTER TABLE " +
      table("mine") + " OWNER TO hookspool; CREATE TABLE " + table("mine_x") + " PARTITION OF " +
      table("mine") + " FOR VALUES IN ('x')");
  const auto config = parse_config(
      "[sources.a]\ntable = \"" + table("mine") + "\"\n[sources.a.columns]\nid = \"@id\"\nkind = \"/kind\"\n",
      "t.toml");
  ASSERT_TRUE(config) << config.error().lines.front();
  auto given = options();
  given.tables = config->postgres.options.tables;
  Life life(given);
  for (const char* kind : {"x", "x", "y", "x"})
    life.append_body("a", std::string("{\"kind\":\"") + kind + "\"}");
  life.begin();
  ASSERT_TRUE(life.held("a"));
  EXPECT_EQ(life.lane("a").sqlstate, "23514");
  EXPECT_EQ(dead(), "0");
  EXPECT_EQ(count("mine"), "2");
  run("CREATE TABLE " + table("mine_y") + " PARTITION OF " + table("mine") + " FOR VALUES IN ('y')");
  ASSERT_TRUE(life.delivered()) << life.lane("a").error;
  EXPECT_EQ(count("mine"), "4");
  EXPECT_EQ(dead(), "0");
}

}  // namespace
}  // namespace hookspool::agent
