// One bad row stops nothing; a bad table stops the lane and loses nothing.
#include <gtest/gtest.h>

#include <atomic>
#include <new>

#include "tests/integration/delivery/rig.h"
#include "tests/support/wait.h"

namespace hookspool::agent {
namespace {

class PoisonTest : public DeliveryTest {
 protected:
  // The tables, and a check that refuses bodies that begin with "bad".
  void make_tables() {
    Life life(options("making"));
    life.begin();
    ASSERT_TRUE(testing::wait_until(std::chrono::seconds(20), [&] { return life.uplink().up(); }));
  }
  void refuse_bad() const {
    run("ALTER TABLE " + table("events") + " ADD CONSTRAINT no_bad CHECK (payload #>> '{}' NOT LIKE 'bad%')");
  }
};

TEST_F(PoisonTest, ExactlyThePoisonIsBuriedTheRestArrivesInOrder) {
  make_tables();
  refuse_bad();
  Life life(options());
  std::string expected;
  for (int i = 1; i <= 300; ++i) {
    const bool poison = i == 1 || i == 150 || i == 151 || i == 300;
    const std::string name = (poison ? "bad" : "x") + std::to_string(i);
    life.append_body("a", "\"" + name + "\"");
    if (!poison) expected += (expected.empty() ? "" : " ") + name;
  }
  life.append("b", 5, "other");
  life.begin();
  ASSERT_TRUE(life.delivered()) << life.lane("a").state << ": " << life.lane("a").error;
  EXPECT_EQ(bodies("a"), expected);
  EXPECT_EQ(bodies("b"), "other1 other2 other3 other4 other5");
  EXPECT_EQ(
      value("SELECT string_agg(convert_from(body, 'UTF8'), ' ' ORDER BY seq) FROM " + table("dead_letters")),
      "\"bad1\" \"bad150\" \"bad151\" \"bad300\"");
  EXPECT_EQ(value("SELECT count(*) FROM " + table("dead_letters") +
                  " WHERE sqlstate = '23514' AND message LIKE '%no_bad%'"),
            "4");
  EXPECT_EQ(life.lanes().figures().buried, 4u);
}

// Want of memory, or an exception of a library, ends neither the worker nor the lane, and nothing is doubled or lost for it.
TEST_F(PoisonTest, AStepThatThrowsIsFollowedByTheNext) {
  make_tables();
  refuse_bad();
  std::atomic<int> thrown{0};
  auto options = this->options();
  options.on_buried = [&](const StoredEvent&, const net::PgError&) {
    if (++thrown <= 2) throw std::bad_alloc();
  };
  Life life(options);
  for (const char* name : {"x1", "bad1", "x2", "bad2", "x3", "bad3", "x4"})
    life.append_body("a", "\"" + std::string(name) + "\"");
  life.begin();
  ASSERT_TRUE(life.delivered()) << life.lane("a").state << ": " << life.lane("a").error;
  EXPECT_EQ(bodies("a"), "x1 x2 x3 x4");
  EXPECT_EQ(count("dead_letters"), "3");
  EXPECT_EQ(thrown, 3);
}

TEST_F(PoisonTest, AnAlteredTableHoldsTheLaneAndWhatWasBuriedGoesBackByItself) {
  make_tables();
  run("ALTER TABLE " + table("events") + " ADD COLUMN tenant text NOT NULL");
  Life life(options());
  life.append("a", 200, "x");
  life.begin();
  ASSERT_TRUE(life.held("a")) << life.lane("a").state << ": " << life.lane("a").error;
  EXPECT_EQ(count("dead_letters"), "20");
  EXPECT_EQ(count("events"), "0");
  run("ALTER TABLE " + table("events") + " ALTER COLUMN tenant DROP NOT NULL");
  ASSERT_TRUE(testing::wait_until(std::chrono::seconds(20), [&] { return count("events") == "200"; }));
  ASSERT_TRUE(life.delivered());
  EXPECT_EQ(count("dead_letters"), "0");
  EXPECT_EQ(doubled(), "0");
  EXPECT_EQ(life.lanes().figures().put_back, 20u);
}

TEST_F(PoisonTest, AnOutageNeverFillsTheDeadLetters) {
  make_tables();
  Life::Options one = options();
  one.pool_size = 1;  // a second connection would make the table anew
  Life life(one);
  life.begin();
  ASSERT_TRUE(testing::wait_until(std::chrono::seconds(20), [&] { return life.uplink().up(); }));
  run("ALTER TABLE " + table("events") + " RENAME TO elsewhere");
  life.append("a", 50, "x");
  ASSERT_TRUE(life.held("a"));
  EXPECT_EQ(life.lane("a").sqlstate, "42P01");
  EXPECT_EQ(count("dead_letters"), "0");
  run("ALTER TABLE " + table("elsewhere") + " RENAME TO events");
  ASSERT_TRUE(life.delivered());
  EXPECT_EQ(count("events"), "50");
}

}  // namespace
}  // namespace hookspool::agent
