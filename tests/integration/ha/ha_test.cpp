// High availability as it is run: a primary and a synchronous standby, the agent knows both, the primary dies under
// load and the standby is promoted. Again, in the other direction, and again.
#include "tests/integration/system/fixture.h"
#include "tests/support/wait.h"

namespace hookspool::testing {
namespace {

constexpr int kRounds = 3;

TEST(HighAvailability, ThePrimaryDiesUnderLoadAndTheStandbyIsPromoted) {
  PgCluster one;
  auto two = PgCluster::standby_of(one);
  PgCluster* primary = &one;
  PgCluster* standby = two.get();
  primary->set("synchronous_standby_names", "'*'");
  AgentProcess agent(agent_options(either_conninfo(*primary, *standby)));
  agent.start();
  Load load({.port = agent.intake_port()});
  for (int round = 1; round <= kRounds; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    agent.wait_mode("online");
    ASSERT_TRUE(load.wait_acknowledged(kAcknowledgedBeforeFault));
    primary->stop(StopMode::kImmediate);
    standby->promote();
    std::swap(primary, standby);
    ASSERT_TRUE(load.wait_acknowledged(kAcknowledgedBeforeFault)) << "the failover reached the senders";
    // Commits wait until there is a synchronous standby again.
    standby->follow(*primary);
  }
  agent.wait_mode("online");
  ASSERT_TRUE(load.wait_acknowledged(kAcknowledgedBeforeFault));
  load.stop();
  EXPECT_EQ(load.counts().fail + load.counts().unknown, 0u);
  agent.wait_caught_up();
  EXPECT_GE(agent.health_number("/postgres/recovery/outages"), kRounds) << agent.health();
  expect_kept(check_history(load.take_history(), *primary));
}

}  // namespace
}  // namespace hookspool::testing
