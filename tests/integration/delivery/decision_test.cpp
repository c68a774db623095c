// What PostgreSQL says against what the journal holds: each row of the decision table, on a real server.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "tests/integration/delivery/rig.h"
#include "tests/support/wait.h"

namespace hookspool::agent {
namespace {

namespace fs = std::filesystem;

// Changes the first byte of `text` in the file, back and forth between "x" and "z".
void flip_byte_of(const fs::path& file, const std::string& text) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(stream)), {});
  const std::size_t at = bytes.find(text);
  ASSERT_NE(at, std::string::npos);
  stream.seekp(static_cast<std::streamoff>(at));
  stream.put(text.front() == 'x' ? 'z' : 'x');
}

TEST_F(DeliveryTest, ArrivesOnceAndInOrder) {
  Life life(options());
  life.append("a", 3, "early");
  life.begin();
  life.append("a", 3, "late");
  ASSERT_TRUE(life.delivered());
  EXPECT_EQ(bodies("a"), "early1 early2 early3 late1 late2 late3");
}

TEST_F(DeliveryTest, ACursorThatWasLostCostsAQuestionOnly) {
  {
    Life life(options());
    life.append("a", 50, "x");
    ASSERT_TRUE(life.journal().admin().save_cursors());
    fs::copy(folder_ / "journal", folder_ / "before", fs::copy_options::recursive);
    life.begin();
    ASSERT_TRUE(life.delivered());
  }
  // The journal as it was before anything was confirmed: PostgreSQL is ahead, and right.
  Life again(options("before"));
  again.append("a", 1, "new");
  again.begin();
  ASSERT_TRUE(again.delivered());
  EXPECT_EQ(again.lanes().figures().found_committed, 50u);
  EXPECT_EQ(count("events"), "51");
  EXPECT_EQ(doubled(), "0");
}

TEST_F(DeliveryTest, LostCommitsAreHealedFromRetainedHistory) {
  {
    Life life(options());
    life.begin();
    life.append("a", 30, "x");
    ASSERT_TRUE(life.delivered());
    // What a failover to a standby that lacks the last commits looks like: rows and watermark are both older.
    run("DELETE FROM " + table("events") + " WHERE seq > 10");
    run("UPDATE " + table("watermarks") + " SET seq = 10, event_id = (SELECT id FROM " + table("events") +
        " WHERE seq = 10)");
    shared_cluster().query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'hookspool'");
    ASSERT_TRUE(testing::wait_until(std::chrono::seconds(20), [&] {
      life.append("a", 1, "poke");
      return count("events") != "10" && life.lanes().figures().sent_again == 20;
    }));
    ASSERT_TRUE(life.delivered());
  }
  EXPECT_EQ(
      value("SELECT count(DISTINCT payload) FROM " + table("events") + " WHERE payload::text LIKE '\"x%'"),
      "30");
  EXPECT_EQ(value("SELECT count(*) FROM (SELECT seq FROM " + table("events") +
                  " GROUP BY epoch, seq HAVING count(*) > 1) AS twice"),
            "0");
}

TEST_F(DeliveryTest, LostCommitsAreHealedAfterARestartWithNothingNewToSend) {
  {
    Life life(options());
    life.begin();
    life.append("a", 20, "x");
    ASSERT_TRUE(life.delivered());
  }
  run("TRUNCATE " + table("events") + ", " + table("watermarks"));
  Life again(options());
  again.begin();
  ASSERT_TRUE(testing::wait_until(std::chrono::seconds(20), [&] { return count("events") == "20"; }));
  EXPECT_EQ(again.lanes().figures().sent_again, 20u);
  EXPECT_EQ(doubled(), "0");
}

TEST_F(DeliveryTest, AWatermarkDeletedByHandHoldsTheLaneUntilRepair) {
  {
    Life life(options());
    life.begin();
    life.append("a", 10, "x");
    life.append("b", 1, "other");
    ASSERT_TRUE(life.delivered());
  }
  run("DELETE FROM " + table("watermarks") + " WHERE lane = 'a'");
  Life again(options());
  again.append("a", 5, "y");
  again.append("b", 1, "goes-on");
  again.begin();
  ASSERT_TRUE(again.held("a"));
  EXPECT_NE(again.lane("a").hint.find("hookspool repair a"), std::string::npos);
  ASSERT_TRUE(
      testing::wait_until(std::chrono::seconds(20), [&] { return bodies("b") == "other1 goes-on1"; }));
  EXPECT_EQ(count("events"), "12") << "nothing is sent on a guess";
  ASSERT_TRUE(again.lanes().repair("a"));
  ASSERT_TRUE(again.delivered());
  EXPECT_EQ(count("events"), "17");
  EXPECT_EQ(doubled(), "0");
}

// What cannot be read while ids are compared may be found again: without a gap it would never be sent then.
TEST_F(DeliveryTest, ARepairRecordsWhatCannotBeReadAsAGap) {
  {
    Life life(options());
    life.begin();
    life.append("a", 9, "x");
    ASSERT_TRUE(life.delivered());
  }
  const fs::path segment = folder_ / "journal/segment-00000001.db";
  flip_byte_of(segment, "x5");
  run("DELETE FROM " + table("watermarks"));
  run("DELETE FROM " + table("events") + " WHERE seq IN (5, 7)");
  {
    Life again(options());
    again.begin();
    ASSERT_TRUE(again.held("a"));
    ASSERT_TRUE(again.lanes().repair("a"));
    ASSERT_TRUE(testing::wait_until(std::chrono::seconds(20), [&] {
      return count("gaps") == "1" && count("events") == "8";
    })) << count("events");
    EXPECT_EQ(value("SELECT first_seq || '-' || last_seq FROM " + table("gaps")), "5-5");
    EXPECT_EQ(again.lanes().figures().gaps, 1u);
  }
  flip_byte_of(segment, "z5");
  Life after(options());
  after.begin();
  EXPECT_TRUE(testing::wait_until(std::chrono::seconds(20), [&] { return count("events") == "9"; }));
  EXPECT_EQ(doubled(), "0");
}

TEST_F(DeliveryTest, WhatIsNoLongerRetainedIsRecordedAsAGap) {
  auto small = options();
  Life life(small);
  life.begin();
  life.append("a", 10, "gone");
  ASSERT_TRUE(life.delivered());
  ASSERT_TRUE(life.journal().admin().rotate());
  life.append("a", 10, "kept");
  ASSERT_TRUE(life.delivered());
  for (const auto& segment : life.journal().admin().segments()) {
    if (segment.active) continue;
    ASSERT_TRUE(life.journal().admin().drop_segment(segment.number));
  }
  run("TRUNCATE " + table("events") + ", " + table("watermarks"));
  shared_cluster().query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'hookspool'");
  life.append("a", 1, "new");
  ASSERT_TRUE(testing::wait_until(std::chrono::seconds(20), [&] { return count("events") == "11"; }));
  EXPECT_EQ(value("SELECT first_seq || '-' || last_seq FROM " + table("gaps")), "1-10");
  EXPECT_EQ(life.lanes().figures().gaps, 10u);
}

TEST_F(DeliveryTest, ACloneAndItsOriginalBothArriveOnce) {
  {
    Life life(options());
    life.append("a", 20, "common");
    ASSERT_TRUE(life.journal().admin().save_cursors());
  }
  fs::copy(folder_ / "journal", folder_ / "clone", fs::copy_options::recursive);
  Life original(options());
  Life clone(options("clone"));
  original.append("a", 20, "original");
  clone.append("a", 20, "clone");
  original.begin();
  clone.begin();
  ASSERT_TRUE(original.delivered());
  ASSERT_TRUE(clone.delivered());
  EXPECT_EQ(count("events"), "60");
  EXPECT_EQ(doubled(), "0");
}

TEST_F(DeliveryTest, AJournalRolledBackToASnapshotSendsOnlyWhatIsMissing) {
  {
    Life life(options());
    life.append("a", 10, "before");
    fs::copy(folder_ / "journal", folder_ / "snapshot", fs::copy_options::recursive);
    life.append("a", 10, "after");
    life.begin();
    ASSERT_TRUE(life.delivered());
  }
  // The snapshot knows ten of the twenty numbers that PostgreSQL has of this epoch.
  Life restored(options("snapshot"));
  restored.append("a", 5, "new");
  restored.begin();
  ASSERT_TRUE(restored.delivered());
  EXPECT_EQ(count("events"), "25");
  EXPECT_EQ(doubled(), "0");
}

TEST_F(DeliveryTest, AnotherJournalInMyEpochMakesANewEpochAtOnce) {
  Life life(options());
  life.begin();
  life.append("a", 10, "x");
  ASSERT_TRUE(life.delivered());
  const Uuid before = life.journal().epoch();
  // As a clone that was resumed with its memory would have left it.
  run("UPDATE " + table("watermarks") + " SET seq = 15, event_id = gen_random_uuid()");
  life.append("a", 10, "y");
  ASSERT_TRUE(life.delivered());
  EXPECT_NE(life.journal().epoch(), before);
  EXPECT_EQ(count("events"), "20");
  EXPECT_EQ(doubled(), "0");
  EXPECT_GE(life.lanes().figures().reconciled, 1u)
      << "those of the old epoch; the others have their own numbers";
  life.append("a", 5, "z");
  ASSERT_TRUE(life.delivered());
  EXPECT_EQ(count("events"), "25");
}

TEST_F(DeliveryTest, AnotherDatabaseIsRefusedUntilAdopted) {
  {
    Life life(options());
    life.begin();
    life.append("a", 10, "x");
    ASSERT_TRUE(life.delivered());
  }
  auto elsewhere = options();
  elsewhere.schema = schema_ + "_other";
  Life life(elsewhere);
  life.append("a", 5, "y");
  life.begin();
  ASSERT_TRUE(testing::wait_until(std::chrono::seconds(20),
                                  [&] { return life.uplink().status().needs_administrator; }));
  EXPECT_NE(life.uplink().status().last_error->hint.find("hookspool adopt"), std::string::npos);
  EXPECT_EQ(value("SELECT count(*) FROM " + elsewhere.schema + ".events"), "0");
}

// The admin socket is open before the lanes begin.
TEST_F(DeliveryTest, ARetryBeforeThereIsALineIsForgotten) {
  Life life(options());
  life.append("a", 3, "a");
  life.retry();
  life.begin();
  ASSERT_TRUE(life.delivered());
  EXPECT_EQ(count("events"), "3");
}

}  // namespace
}  // namespace hookspool::agent
