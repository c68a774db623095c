// Another database: the lane is held until an administrator says what it is to get, and then it gets exactly that.
#include <gtest/gtest.h>

#include "agent/repair/adoption.h"
#include "tests/integration/delivery/rig.h"
#include "tests/support/wait.h"

namespace hookspool::agent {
namespace {

// The other database is another schema: it has a sink id of its own.
class AdoptTest : public DeliveryTest {
 protected:
  AdoptTest() : other_(schema_ + "_other") {}

  Life::Options other_options() const {
    auto other = options();
    other.schema = other_;
    return other;
  }
  // Five events are in the first database, and three more wait while the agent meets the other one.
  void deliver_to_the_first() {
    Life life(options());
    life.append("a", 5, "old");
    life.begin();
    ASSERT_TRUE(life.delivered());
    ASSERT_EQ(count("events"), "5");
  }
  static bool needs_administrator(const Life& life) {
    return testing::wait_until(std::chrono::seconds(20),
                               [&] { return const_cast<Life&>(life).uplink().status().needs_administrator; });
  }
  AdminResult<Adopted> adopt_other(Life& life, AdoptFrom from) {
    auto adopted = adopt(life.journal(), life.guard(), life.pool().options(), from);
    life.retry();
    return adopted;
  }
  std::string in_other(const std::string& lane) const {
    return value("SELECT string_agg(payload #>> '{}', ' ' ORDER BY id) FROM " + other_ +
                 ".events WHERE source = '" + lane + "'");
  }

  const std::string other_;
};

TEST_F(AdoptTest, FromUnsentGoesOnWhereTheOldOneWas) {
  deliver_to_the_first();
  Life life(other_options());
  life.append("a", 3, "new");
  life.append("b", 2, "b");
  life.begin();
  ASSERT_TRUE(needs_administrator(life));
  const auto adopted = adopt_other(life, AdoptFrom::kUnsent);
  ASSERT_TRUE(adopted) << adopted.error().text;
  EXPECT_EQ(adopted->watermarks, 1u);
  ASSERT_TRUE(life.delivered()) << life.lane("a").state << ": " << life.lane("a").error;
  EXPECT_EQ(in_other("a"), "new1 new2 new3");
  EXPECT_EQ(in_other("b"), "b1 b2");
  EXPECT_EQ(life.lanes().figures().sent_again, 0u);
  EXPECT_EQ(count("events"), "5");
}

TEST_F(AdoptTest, FromBeginningSendsAllThatIsRetained) {
  deliver_to_the_first();
  Life life(other_options());
  life.append("a", 3, "new");
  life.begin();
  ASSERT_TRUE(needs_administrator(life));
  const auto adopted = adopt_other(life, AdoptFrom::kBeginning);
  ASSERT_TRUE(adopted) << adopted.error().text;
  EXPECT_EQ(adopted->watermarks, 0u);
  EXPECT_TRUE(testing::wait_until(std::chrono::seconds(20),
                                  [&] { return in_other("a") == "old1 old2 old3 old4 old5 new1 new2 new3"; }))
      << in_other("a") << "; " << life.lane("a").state << ": " << life.lane("a").error;
  EXPECT_EQ(life.lanes().figures().sent_again, 0u) << "another database has lost nothing";
  EXPECT_EQ(count("events"), "5");
  // Once more, or for the own one, there is nothing to decide.
  const auto again = adopt_other(life, AdoptFrom::kBeginning);
  ASSERT_TRUE(again) << again.error().text;
  EXPECT_TRUE(again->already);
}

TEST_F(AdoptTest, TheWordOutlastsARestart) {
  deliver_to_the_first();
  {
    Life life(other_options());
    life.begin();
    ASSERT_TRUE(needs_administrator(life));
    ASSERT_TRUE(adopt_other(life, AdoptFrom::kUnsent));
    ASSERT_TRUE(testing::wait_until(std::chrono::seconds(20), [&] { return life.uplink().up(); }));
  }
  Life life(other_options());
  life.append("a", 1, "after");
  life.begin();
  ASSERT_TRUE(life.delivered());
  EXPECT_EQ(in_other("a"), "after1");
}

TEST_F(AdoptTest, ADatabaseThatIsAwayCannotBeAdopted) {
  deliver_to_the_first();
  auto away = options();
  away.conninfo = "host=127.0.0.1 port=1 dbname=hookspool connect_timeout=2";
  Life life(away);
  const auto adopted = adopt(life.journal(), life.guard(), life.pool().options(), AdoptFrom::kUnsent);
  ASSERT_FALSE(adopted);
  EXPECT_EQ(adopted.error().status, 503);
}

}  // namespace
}  // namespace hookspool::agent
