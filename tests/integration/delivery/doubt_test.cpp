// A COMMIT whose answer does not come, for all the reasons there are: it may have happened, it may happen yet.
#include <gtest/gtest.h>

#include <csignal>

#include "tests/integration/delivery/rig.h"
#include "tests/support/cut_proxy.h"
#include "tests/support/wait.h"

namespace hookspool::agent {
namespace {

using std::chrono::seconds;

// Where an event's body is "slow", the server sleeps: while it takes the row, or inside COMMIT.
enum class Sleeps { kInCopy, kInCommit };

class DoubtTest : public DeliveryTest {
 protected:
  Life::Options hurried() const {
    Life::Options given = options();
    given.statement_timeout = milliseconds(1'500);
    given.lock_timeout = milliseconds(300);
    given.answer_margin = milliseconds(500);
    return given;
  }
  void make_tables(const Life::Options& given) const {
    Life::Options making = given;
    making.journal = folder_ / "making";
    making.conninfo = shared_cluster().conninfo();
    Life life(making);
    life.begin();
    ASSERT_TRUE(testing::wait_until(seconds(20), [&] { return life.uplink().up(); }));
  }
  void sleep_on_slow(Sleeps when, double for_s) const {
    run("CREATE FUNCTION " + schema_ +
        ".nap() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN PERFORM pg_sleep(" +
        std::to_string(for_s) + "); RETURN NEW; END$$");
    const std::string nap = " FOR EACH ROW EXECUTE FUNCTION " + schema_ + ".nap()";
    const std::string slow = " FOR EACH ROW WHEN (NEW.payload = '\"slow1\"') EXECUTE FUNCTION " + schema_;
    if (when == Sleeps::kInCopy) {
      run("CREATE TRIGGER nap BEFORE INSERT ON " + table("events") + slow + ".nap()");
      return;
    }
    // What is deferred is asked before COMMIT; only what such a trigger defers once more is left to it.
    const std::string deferred = " DEFERRABLE INITIALLY DEFERRED";
    run("CREATE TABLE " + table("later") + " (n int); ALTER TABLE " + table("later") + " OWNER TO hookspool");
    run("CREATE CONSTRAINT TRIGGER nap AFTER INSERT ON " + table("later") + deferred + nap);
    run("CREATE FUNCTION " + schema_ +
        ".again() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN SET CONSTRAINTS ALL DEFERRED; INSERT INTO " +
        table("later") + " VALUES (1); RETURN NEW; END$$");
    run("CREATE CONSTRAINT TRIGGER again AFTER INSERT ON " + table("events") + deferred + slow + ".again()");
  }
  // The backend that is asleep now; 0 if none falls asleep.
  static pid_t sleeper() {
    pid_t pid = 0;
    testing::wait_until(seconds(20), [&] {
      const auto rows = shared_cluster().query(
          "SELECT pid FROM pg_stat_activity WHERE usename = 'hookspool' AND wait_event = 'PgSleep'");
      if (!rows.empty()) pid = std::stoi(rows[0][0].value());
      return pid != 0;
    });
    return pid;
  }
  static bool gone(pid_t pid) {
    return testing::wait_until(seconds(20), [&] {
      return shared_cluster()
          .query("SELECT FROM pg_stat_activity WHERE pid = " + std::to_string(pid))
          .empty();
    });
  }
  static void append_all(Life& life) {
    life.append("a", 5, "before");
    life.append("a", 1, "slow");
    life.append("a", 5, "after");
  }
  void expect_all_once(Life& life) const {
    ASSERT_TRUE(life.delivered()) << life.lane("a").state << ": " << life.lane("a").error;
    EXPECT_EQ(bodies("a"),
              "before1 before2 before3 before4 before5 slow1 after1 after2 after3 after4 after5");
    EXPECT_EQ(count("dead_letters"), "0");
  }
};

TEST_F(DoubtTest, CommittedButTheAnswerIsLost) {
  testing::CutProxy proxy(shared_cluster().port());
  Life::Options given = options();
  given.conninfo = shared_cluster().conninfo(proxy.port());
  given.lock_timeout = milliseconds(300);
  make_tables(given);
  sleep_on_slow(Sleeps::kInCommit, 1);
  Life life(given);
  append_all(life);
  life.begin();
  ASSERT_NE(sleeper(), 0);
  proxy.cut_all();
  expect_all_once(life);
  EXPECT_EQ(life.lanes().figures().in_doubt, 1u);
  EXPECT_EQ(life.lanes().figures().found_committed, 11u) << "not sent a second time";
}

TEST_F(DoubtTest, NotCommittedAndTheAnswerIsLost) {
  testing::CutProxy proxy(shared_cluster().port());
  Life::Options given = options();
  given.conninfo = shared_cluster().conninfo(proxy.port());
  make_tables(given);
  sleep_on_slow(Sleeps::kInCommit, 1);
  Life life(given);
  append_all(life);
  life.begin();
  const pid_t pid = sleeper();
  ASSERT_NE(pid, 0);
  proxy.cut_all();
  run("SELECT pg_terminate_backend(" + std::to_string(pid) + ")");
  expect_all_once(life);
  EXPECT_EQ(life.lanes().figures().in_doubt, 1u);
  EXPECT_EQ(life.lanes().figures().found_committed, 0u);
}

// A backend that no client waits for any more and that commits all the same: the next one waits for its lock.
class ZombieTest : public DoubtTest {
 protected:
  void stop_and_go_on(Sleeps when) {
    const Life::Options given = hurried();
    make_tables(given);
    sleep_on_slow(when, 0.5);
    Life life(given);
    append_all(life);
    life.begin();
    const pid_t zombie = sleeper();
    ASSERT_NE(zombie, 0);
    ASSERT_EQ(kill(zombie, SIGSTOP), 0);
    // The agent gives up by its own deadline, comes back, and finds the watermark's row locked.
    const bool came_back =
        testing::wait_until(seconds(20), [&] { return life.lane("a").sqlstate == "55P03"; });
    const std::string rows_meanwhile = count("events");
    ASSERT_EQ(kill(zombie, SIGCONT), 0);
    ASSERT_TRUE(came_back) << life.lane("a").state << " " << life.lane("a").error;
    EXPECT_EQ(rows_meanwhile, "0");
    ASSERT_TRUE(gone(zombie));
    expect_all_once(life);
    EXPECT_EQ(life.lanes().figures().found_committed, when == Sleeps::kInCommit ? 11u : 0u);
  }
};

TEST_F(ZombieTest, StoppedInCommit) {
  stop_and_go_on(Sleeps::kInCommit);
}
TEST_F(ZombieTest, StoppedInCopy) {
  stop_and_go_on(Sleeps::kInCopy);
}

// No time-out of the server ends a COMMIT that waits for a standby which is not there.
TEST_F(DoubtTest, CommitWaitsForAStandbyThatIsMissing) {
  const Life::Options given = hurried();
  make_tables(given);
  shared_cluster().set("synchronous_standby_names", "nobody");
  ASSERT_TRUE(
      testing::wait_until(seconds(20), [&] { return value("SHOW synchronous_standby_names") == "nobody"; }));
  Life life(given);
  append_all(life);
  life.append("b", 5, "other");
  life.begin();
  const bool gave_up = testing::wait_until(seconds(20), [&] {
    return life.lanes().figures().in_doubt >= 2 && life.lane("a").sqlstate == "55P03" &&
           life.lane("b").sqlstate == "55P03";
  });
  const std::string waiting = value("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
  shared_cluster().set("synchronous_standby_names", "");
  EXPECT_TRUE(gave_up) << life.lane("a").state << " " << life.lane("a").error;
  EXPECT_EQ(waiting, "2") << "one backend a lane, however long it takes";
  expect_all_once(life);
  EXPECT_EQ(bodies("b"), "other1 other2 other3 other4 other5");
  EXPECT_EQ(life.lanes().figures().found_committed, 16u);
}

// A role whose commits need not last: the delivery asks for more than the role does.
TEST(SynchronousCommit, WhatWasConfirmedLastsWhateverTheRoleSays) {
  testing::PgCluster cluster({.config = {"wal_writer_delay = '10s'", "autovacuum = off"}, .fsync = true});
  cluster.query("ALTER ROLE hookspool SET synchronous_commit = off");
  testing::TempFolder folder;
  Life::Options given;
  given.journal = folder / "journal";
  given.conninfo = cluster.conninfo();
  Life life(given);
  life.begin();
  for (int round = 1; round <= 2; ++round) {
    life.append("a", 10, "round" + std::to_string(round) + "-");
    ASSERT_TRUE(life.delivered());
    cluster.stop(testing::StopMode::kImmediate);
    const std::uint64_t confirmed = life.journal().runs("a").front().confirmed.seq;
    cluster.start();
    EXPECT_EQ(confirmed, 10u * static_cast<unsigned>(round));
    EXPECT_EQ(cluster.value("SELECT count(*) FROM hookspool.events"), std::to_string(confirmed));
    EXPECT_EQ(cluster.value("SELECT seq FROM hookspool.watermarks"), std::to_string(confirmed));
  }
  EXPECT_EQ(life.lanes().figures().sent_again, 0u);
}

}  // namespace
}  // namespace hookspool::agent
