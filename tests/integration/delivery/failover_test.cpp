// Several servers, one after the other: a standby that lacks commits, an old primary that comes back, a restore.
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "tests/integration/delivery/rig.h"
#include "tests/support/wait.h"

namespace hookspool::agent {
namespace {

using std::chrono::seconds;
using testing::PgCluster;
using testing::StopMode;

std::string rows(const PgCluster& cluster) {
  return cluster.value("SELECT count(*) FROM hookspool.events");
}
std::string different(const PgCluster& cluster) {
  return cluster.value("SELECT count(DISTINCT payload) FROM hookspool.events");
}
bool wait_rows(const PgCluster& cluster, const std::string& count) {
  return testing::wait_until(seconds(30), [&] { return rows(cluster) == count; });
}

class FailoverTest : public ::testing::Test {
 protected:
  Life::Options options(const std::string& conninfo) const {
    Life::Options given;
    given.journal = folder_ / "journal";
    given.conninfo = conninfo;
    return given;
  }
  // Lets the standby become the primary without what lane "a" and "b" were confirmed last.
  void fail_over_with_loss(Life& life, PgCluster& primary, PgCluster& standby) {
    life.append("a", 20, "kept");
    life.append("b", 10, "quiet");
    ASSERT_TRUE(life.delivered());
    standby.wait_replayed(primary);
    standby.stop_receiving();
    life.append("a", 10, "lost");
    life.append("b", 5, "lost-quiet");
    ASSERT_TRUE(life.delivered());
    ASSERT_EQ(rows(primary), "45");
    ASSERT_EQ(rows(standby), "30");
    primary.stop(StopMode::kImmediate);
    standby.promote();
  }

  testing::TempFolder folder_;
};

TEST_F(FailoverTest, CommitsThatTheStandbyLacksAreSentAgainWithoutAWord) {
  PgCluster primary;
  auto standby = PgCluster::standby_of(primary);
  Life life(options(testing::either_conninfo(primary, *standby)));
  life.begin();
  fail_over_with_loss(life, primary, *standby);
  // Nothing new comes in: the idle agent notices by itself.
  ASSERT_TRUE(wait_rows(*standby, "45")) << rows(*standby);
  ASSERT_TRUE(life.delivered());
  EXPECT_EQ(life.lanes().figures().sent_again, 15u);
  life.append("a", 5, "after");
  ASSERT_TRUE(life.delivered());
  EXPECT_EQ(rows(*standby), "50");
  EXPECT_EQ(different(*standby), "50");
  EXPECT_EQ(standby->value("SELECT count(*) FROM hookspool.dead_letters"), "0");
  EXPECT_EQ(life.lanes().figures().gaps, 0u);
}

TEST_F(FailoverTest, TheOldPrimaryIsRefusedAndTheNewOneFoundBehindIt) {
  PgCluster old;
  auto standby = PgCluster::standby_of(old);
  Life life(options(testing::either_conninfo(old, *standby)));
  life.begin();
  fail_over_with_loss(life, old, *standby);
  ASSERT_TRUE(wait_rows(*standby, "45"));
  ASSERT_TRUE(life.delivered());

  standby->stop();
  old.start();
  life.append("a", 10, "meanwhile");
  ASSERT_TRUE(testing::wait_until(seconds(20), [&] { return life.uplink().status().needs_administrator; }));
  EXPECT_NE(life.uplink().status().last_error->text.find("an old primary has come back"), std::string::npos)
      << life.uplink().status().last_error->text;
  EXPECT_EQ(life.journal().admin().stats().pending, 10u);

  // Both are up, and conninfo names the old one first.
  standby->start();
  ASSERT_TRUE(wait_rows(*standby, "55"));
  ASSERT_TRUE(life.delivered());
  EXPECT_EQ(different(*standby), "55");
  EXPECT_EQ(rows(old), "45") << "no row on the old primary";

  // A new connection goes to the right one at once, and a restarted agent still knows.
  life.pool().close_idle();
  life.append("a", 5, "later");
  ASSERT_TRUE(life.delivered());
  EXPECT_TRUE(life.uplink().up());
  EXPECT_EQ(rows(*standby), "60");
  EXPECT_EQ(rows(old), "45");
}

TEST_F(FailoverTest, ARestartedAgentStillKnowsTheOldPrimary) {
  PgCluster old;
  auto standby = PgCluster::standby_of(old);
  {
    Life life(options(testing::either_conninfo(old, *standby)));
    life.begin();
    fail_over_with_loss(life, old, *standby);
    ASSERT_TRUE(wait_rows(*standby, "45"));
    ASSERT_TRUE(life.delivered());
  }
  old.start();
  Life life(options(old.conninfo()));
  life.append("a", 1, "x");
  life.begin();
  ASSERT_TRUE(testing::wait_until(seconds(20), [&] { return life.uplink().status().needs_administrator; }));
  EXPECT_EQ(rows(old), "45");
  EXPECT_EQ(life.journal().admin().stats().pending, 1u);
}

// What was there before an outage may be gone after it, under the same address and on the same timeline.
TEST_F(FailoverTest, ARestoredBackupIsFilledUpAgain) {
  PgCluster cluster;
  Life life(options(cluster.conninfo()));
  life.begin();
  life.append("a", 10, "backed-up");
  life.append("b", 10, "quiet");
  ASSERT_TRUE(life.delivered());
  cluster.back_up(folder_ / "backup");
  life.append("a", 20, "lost");
  life.append("b", 5, "lost-quiet");
  ASSERT_TRUE(life.delivered());
  cluster.stop();
  cluster.restore(folder_ / "backup");
  cluster.start();
  ASSERT_TRUE(wait_rows(cluster, "45")) << rows(cluster);
  ASSERT_TRUE(life.delivered());
  EXPECT_EQ(different(cluster), "45");
  EXPECT_EQ(life.lanes().figures().sent_again, 25u);
}

// The file-level kind: the folder as it is while the server is down.
TEST_F(FailoverTest, ACopiedDataFolderIsFilledUpAgainWhileTheAgentWasAway) {
  PgCluster cluster;
  {
    Life life(options(cluster.conninfo()));
    life.begin();
    life.append("a", 10, "copied");
    ASSERT_TRUE(life.delivered());
    cluster.stop();
    testing::run_checked({.argv = {"cp", "-a", cluster.data_folder(), folder_ / "copy"}});
    cluster.start();
    life.append("a", 20, "lost");
    ASSERT_TRUE(life.delivered());
  }
  cluster.stop();
  cluster.restore(folder_ / "copy");
  cluster.start();
  Life life(options(cluster.conninfo()));
  life.begin();
  ASSERT_TRUE(wait_rows(cluster, "30")) << rows(cluster);
  ASSERT_TRUE(life.delivered());
  EXPECT_EQ(different(cluster), "30");
}

class StandbyOnlyTest : public FailoverTest {
 protected:
  // Waits as in an outage until the standby is promoted; `more` goes into conninfo.
  void wait_for_promotion(const std::string& more, bool line_is_up) {
    PgCluster primary;
    auto standby = PgCluster::standby_of(primary);
    std::optional<std::string> known;
    {
      Life life(options(primary.conninfo()));
      life.begin();
      life.append("a", 10, "x");
      ASSERT_TRUE(life.delivered());
      known = life.journal().notes().read("sink").value();
    }
    ASSERT_TRUE(known);
    standby->wait_replayed(primary);
    Life life(options(standby->conninfo() + more));
    life.append("a", 10, "y");
    life.begin();
    const auto is_refused = [&] {
      if (line_is_up) return life.lane("a").sqlstate == "25006" && life.lane("a").tries_failed > 2;
      return life.uplink().status().tries_in_this_outage > 2;
    };
    ASSERT_TRUE(testing::wait_until(seconds(20), is_refused));
    EXPECT_EQ(life.journal().notes().read("sink").value(), known)
        << "a standby is no reason to forget the timeline";
    EXPECT_EQ(life.uplink().up(), line_is_up);
    EXPECT_FALSE(life.uplink().status().needs_administrator);
    EXPECT_NE(life.lane("a").state, "held");
    EXPECT_EQ(life.lanes().figures().buried, 0u);
    EXPECT_EQ(life.lanes().figures().errors_event + life.lanes().figures().errors_setup, 0u);
    standby->promote();
    ASSERT_TRUE(life.delivered());
    EXPECT_EQ(rows(*standby), "20");
    EXPECT_EQ(standby->value("SELECT count(*) FROM hookspool.dead_letters"), "0");
  }
};

TEST_F(StandbyOnlyTest, IsAnOutage) {
  wait_for_promotion("", false);
}
TEST_F(StandbyOnlyTest, IsAnOutageEvenWhereAnyServerWasAskedFor) {
  wait_for_promotion(" target_session_attrs=any", true);
}

}  // namespace
}  // namespace hookspool::agent
