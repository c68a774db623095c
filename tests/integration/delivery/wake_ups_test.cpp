// Consumers that listen are notified of new rows after the COMMIT, and no delivery waits for that.
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "tests/integration/delivery/rig.h"
#include "tests/support/pg_listener.h"
#include "tests/support/wait.h"

namespace hookspool::agent {
namespace {

using std::chrono::seconds;

class WakeUpsTest : public DeliveryTest {
 protected:
  Life::Options telling() const {
    Life::Options given = options();
    given.notify = schema_;
    return given;
  }
  // Notifications up to the one that ends so; how many that were.
  static int count_until(testing::PgListener& listener, const std::string& end) {
    for (int count = 1;; ++count) {
      const auto came = listener.next(seconds(20));
      if (!came || came->ends_with(end)) return came ? count : -1;
    }
  }
};

TEST_F(WakeUpsTest, WhatComesTogetherIsSentOnceAndTheNewestIsIncluded) {
  Life life(telling());
  testing::PgListener listener(shared_cluster().conninfo(), schema_);
  life.begin();
  constexpr int kEvents = 300;
  for (int i = 0; i < kEvents; ++i) {
    life.append("a", 1, "x");
    if (i % 10 == 0) life.append("b", 1, "y");
  }
  ASSERT_TRUE(life.delivered());
  const auto batches = life.lanes().figures().batches.load();
  const int sent = count_until(listener, R"("lane":"a","seq":300})");
  EXPECT_GT(sent, 0) << "the newest was not sent";
  // Of two lanes at most ten times a second each.
  EXPECT_LT(static_cast<std::uint64_t>(sent), batches) << "each batch was sent";
}

TEST_F(WakeUpsTest, ADeliveryDoesNotWaitForOneThatCannotBeSent) {
  Life life(telling());
  life.begin();
  life.append("a", 1, "first");
  ASSERT_TRUE(life.delivered());
  // The session of the wake-ups is ended again and again; deliveries go on and the next one is sent.
  for (int i = 0; i < 5; ++i) {
    run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_notify(%' AND "
        "pid <> "
        "pg_backend_pid()");
    life.append("a", 1, "x");
    ASSERT_TRUE(life.delivered());
  }
  testing::PgListener listener(shared_cluster().conninfo(), schema_);
  life.append("a", 1, "last");
  ASSERT_TRUE(life.delivered());
  EXPECT_GT(count_until(listener, R"("lane":"a","seq":7})"), 0);
  EXPECT_EQ(life.lanes().figures().batches_failed, 0u);
}

}  // namespace
}  // namespace hookspool::agent
