// Deliveries that begin while the journal syncs: sooner, and just as exactly once. Where something must happen while
// rows are on their way, the server sleeps over a row whose body is "slow...", in COPY or in COMMIT.
#include <gtest/gtest.h>

#include "agent/base/random.h"
#include "agent/base/wall_clock.h"
#include "tests/integration/delivery/rig.h"
#include "tests/support/cut_proxy.h"
#include "tests/support/pg_listener.h"
#include "tests/support/wait.h"

namespace hookspool::agent {
namespace {

using std::chrono::seconds;

enum class Sleeps { kInCopy, kInCommit };

class AheadTest : public DeliveryTest {
 protected:
  // A lane that has caught up, so that what comes next may be begun with early.
  void begin(Life& life) const {
    life.begin();
    life.append("a", 1, "first");
    ASSERT_TRUE(life.delivered());
    caught_up(life);
  }
  static void caught_up(Life& life) {
    ASSERT_TRUE(testing::wait_until(
        seconds(20), [&] { return life.lane("a").state == "online" && life.pool().stats().in_use == 0; }));
  }
  void sleep_on_slow(Sleeps when) const {
    run("CREATE FUNCTION " + table("nap") +
        "() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(0.5); RETURN NEW; END$$");
    const bool in_copy = when == Sleeps::kInCopy;
    run(std::string("CREATE ") + (in_copy ? "TRIGGER nap BEFORE" : "CONSTRAINT TRIGGER nap AFTER") +
        " INSERT ON " + table("events") + (in_copy ? "" : " DEFERRABLE INITIALLY DEFERRED") +
        " FOR EACH ROW WHEN (NEW.payload #>> '{}' LIKE 'slow%') EXECUTE FUNCTION " + table("nap") + "()");
  }
  static bool asleep() {
    return testing::wait_until(seconds(20), [] {
      return shared_cluster().value("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") !=
             "0";
    });
  }
  // What the journal might be about to write next, and never does.
  static EventPtr never_written(Life& life, const std::string& body) {
    auto event = std::make_shared<StoredEvent>();
    event->event.lane = "a";
    event->event.received_at_us = wall_clock_us();
    event->event.method = "POST";
    event->event.headers = "{}";
    event->event.body = body;
    event->id = random_uuid(random_bytes);
    event->epoch = life.lane("a").epoch;
    event->seq = life.lane("a").last_seq + 1;
    return event;
  }
};

TEST_F(AheadTest, RowsAreOnTheirWayWhileTheJournalWrites) {
  std::atomic<bool> look{false}, seen{false};
  Life::Options given = options();
  given.notify = schema_;
  given.while_writing = [&] {
    if (look.exchange(false)) seen = asleep();
  };
  Life life(given);
  begin(life);
  sleep_on_slow(Sleeps::kInCopy);
  testing::PgListener listener(shared_cluster().conninfo(), schema_);
  const auto before = life.lanes().figures().batches_ahead.load();
  look = true;
  life.append("a", 1, "slow");
  ASSERT_TRUE(life.delivered());
  EXPECT_TRUE(seen) << "before anything was written";
  EXPECT_EQ(life.lanes().figures().batches_ahead, before + 1);
  EXPECT_EQ(bodies("a"), "first1 slow1");
  auto payload = listener.next(seconds(20));
  if (payload.value_or("").ends_with(R"("seq":1})"))
    payload = listener.next(seconds(20));  // of the first, if it was late
  EXPECT_TRUE(payload.value_or("").ends_with(R"("lane":"a","seq":2})")) << payload.value_or("");
}

TEST_F(AheadTest, WhatTheJournalDoesNotWriteIsNotDelivered) {
  Life life(options());
  begin(life);
  const EventPtr never = never_written(life, "\"never\"");
  life.lanes().committing({&never, 1});
  auto& figures = life.lanes().figures();
  ASSERT_TRUE(testing::wait_until(seconds(20), [&] { return figures.ahead_in_vain == 1; }));
  EXPECT_EQ(bodies("a"), "first1");
  life.append("a", 2, "then");
  ASSERT_TRUE(life.delivered());
  EXPECT_EQ(bodies("a"), "first1 then1 then2");
  EXPECT_EQ(figures.batches_failed, 0u);
}

// The group fails while its rows are being copied, and the next one gets its number.
TEST_F(AheadTest, ANumberThatIsGivenAgainIsAnotherEvent) {
  Life life(options());
  begin(life);
  sleep_on_slow(Sleeps::kInCopy);
  const EventPtr never = never_written(life, "\"slow-never\"");
  life.lanes().committing({&never, 1});
  ASSERT_TRUE(asleep());
  life.append("a", 1, "then");
  ASSERT_TRUE(life.delivered());
  EXPECT_EQ(life.lane("a").confirmed_seq, never->seq);
  EXPECT_EQ(bodies("a"), "first1 then1");
}

TEST_F(AheadTest, AJournalThatTakesLongIsNotWaitedFor) {
  std::atomic<bool> look{false}, given_up{false};
  Life* agent = nullptr;
  Life::Options given = options();
  given.while_writing = [&] {
    if (!look.exchange(false)) return;
    auto& figures = agent->lanes().figures();
    given_up = testing::wait_until(seconds(20), [&] { return figures.ahead_in_vain == 1; });
  };
  Life life(given);
  agent = &life;
  begin(life);
  const auto before = life.lanes().figures().batches_ahead.load();
  look = true;
  life.append("a", 1, "then");
  ASSERT_TRUE(life.delivered());
  EXPECT_TRUE(given_up);
  EXPECT_EQ(life.lanes().figures().batches_ahead, before);
  EXPECT_EQ(bodies("a"), "first1 then1");
}

TEST_F(AheadTest, AWatermarkElsewhereIsLookedInto) {
  Life life(options());
  begin(life);
  run("UPDATE " + table("watermarks") + " SET event_id = '11111111-2222-4333-8444-555555555555'");
  life.append("a", 3, "then");
  ASSERT_TRUE(life.delivered());
  EXPECT_EQ(bodies("a"), "first1 then1 then2 then3");
  EXPECT_GT(life.lanes().figures().reconciled, 0u) << "as for a clone that writes to the same database";
}

TEST_F(AheadTest, AHeldLockIsWaitedForAndTriedAgain) {
  Life::Options given = options();
  given.lock_timeout = milliseconds(100);
  Life life(given);
  begin(life);
  auto holder = net::Connection::connect({.conninfo = shared_cluster().conninfo()});
  ASSERT_TRUE(holder);
  const auto limit = std::chrono::steady_clock::now() + seconds(20);
  ASSERT_TRUE((*holder)->query("BEGIN; SELECT FROM " + table("watermarks") + " FOR UPDATE", limit));
  life.append("a", 3, "then");
  auto& figures = life.lanes().figures();
  ASSERT_TRUE(testing::wait_until(seconds(20), [&] { return figures.errors_outage > 0; }));
  EXPECT_EQ(life.lane("a").sqlstate, "55P03");
  ASSERT_TRUE((*holder)->query("ROLLBACK", limit));
  ASSERT_TRUE(life.delivered());
  EXPECT_EQ(bodies("a"), "first1 then1 then2 then3");
  EXPECT_EQ(count("dead_letters"), "0");
}

TEST_F(AheadTest, ARefusedEventIsBuriedAndTheOthersArrive) {
  Life life(options());
  begin(life);
  run("ALTER TABLE " + table("events") + " ADD CONSTRAINT no_bad CHECK (payload #>> '{}' NOT LIKE 'bad%')");
  life.append("a", 2, "good");
  life.append("a", 1, "bad");
  life.append("a", 2, "fine");
  ASSERT_TRUE(life.delivered()) << life.lane("a").error;
  EXPECT_EQ(bodies("a"), "first1 good1 good2 fine1 fine2");
  EXPECT_EQ(value("SELECT convert_from(body, 'UTF8') FROM " + table("dead_letters")), "\"bad1\"");
  caught_up(life);
  const auto before = life.lanes().figures().batches_ahead.load();
  life.append("a", 1, "late");
  ASSERT_TRUE(life.delivered());
  EXPECT_EQ(life.lanes().figures().batches_ahead, before + 1) << "nothing is suspected any more";
}

TEST_F(AheadTest, ACommitWhoseAnswerIsLostIsFound) {
  testing::CutProxy proxy(shared_cluster().port());
  Life::Options given = options();
  given.conninfo = shared_cluster().conninfo(proxy.port());
  Life life(given);
  begin(life);
  sleep_on_slow(Sleeps::kInCommit);
  std::jthread cutter([&] {
    if (asleep()) proxy.cut_all();
  });
  life.append("a", 1, "slow");
  cutter.join();
  ASSERT_TRUE(life.delivered());
  EXPECT_EQ(bodies("a"), "first1 slow1");
  EXPECT_EQ(life.lanes().figures().in_doubt, 1u);
  EXPECT_EQ(life.lanes().figures().found_committed, 1u) << "not sent a second time";
}

}  // namespace
}  // namespace hookspool::agent
