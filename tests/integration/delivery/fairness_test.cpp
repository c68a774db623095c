// A lane that catches up does not starve the others, and does not begin with a wall.
#include <gtest/gtest.h>

#include "tests/integration/delivery/rig.h"
#include "tests/support/wait.h"

namespace hookspool::agent {
namespace {

TEST_F(DeliveryTest, ALiveLaneIsNotStarvedByABacklogOnOneConnection) {
  auto narrow = options();
  narrow.pool_size = 1;
  Life life(narrow);
  life.append("backlog", 3'000, "b");
  life.append("live", 1, "l");
  life.begin();
  ASSERT_TRUE(testing::wait_until(std::chrono::seconds(20), [&] { return life.lane("live").pending == 0; }));
  EXPECT_GT(life.lane("backlog").pending, 0u) << "its turn came before the backlog's end";
  ASSERT_TRUE(life.delivered());
  EXPECT_EQ(count("events"), "3001");
}

TEST_F(DeliveryTest, ABacklogBeginsWithASmallBatch) {
  Life life(options());
  life.append("a", 1'000, "x");
  life.begin();
  ASSERT_TRUE(life.delivered());
  // One xmin a transaction: the first one's rows are those with the lowest numbers.
  EXPECT_EQ(value("SELECT count(*) FROM " + table("events") + " WHERE xmin = (SELECT xmin FROM " +
                  table("events") + " ORDER BY seq LIMIT 1)"),
            "64");
}

}  // namespace
}  // namespace hookspool::agent
