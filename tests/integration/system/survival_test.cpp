// The promise under load while things die: PostgreSQL, the agent, the line between them.
#include <csignal>
#include <random>

#include "tests/integration/system/fixture.h"
#include "tests/support/cut_proxy.h"
#include "tests/support/wait.h"

namespace hookspool::testing {
namespace {

using std::chrono::seconds;

TEST(Survival, PostgresStopsImmediatelyThreeTimes) {
  PgCluster postgres;
  AgentProcess agent(agent_options(postgres.conninfo()));
  agent.start();
  Load load({.port = agent.intake_port()});
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(load.wait_acknowledged(kAcknowledgedBeforeFault));
    postgres.stop(StopMode::kImmediate);
    agent.wait_mode("offline");
    ASSERT_TRUE(load.wait_acknowledged(kAcknowledgedBeforeFault)) << "the outage reached the senders";
    postgres.start();
    agent.wait_mode("online");
  }
  ASSERT_TRUE(load.wait_acknowledged(kAcknowledgedBeforeFault));
  load.stop();
  EXPECT_EQ(load.counts().fail, 0u);
  EXPECT_EQ(load.counts().unknown, 0u);
  agent.wait_caught_up();
  expect_kept(check_history(load.take_history(), postgres));
}

TEST(Survival, AgentIsKilledTenTimes) {
  PgCluster postgres;
  AgentProcess agent(agent_options(postgres.conninfo()));
  agent.start();
  Load load({.port = agent.intake_port(), .parallel = 4, .pause = std::chrono::milliseconds(0)});
  std::mt19937 random(std::random_device{}());
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(load.wait_acknowledged(kAcknowledgedBeforeFault + random() % 400)) << "in life " << i + 1;
    agent.kill();
    agent.start();
  }
  ASSERT_TRUE(load.wait_acknowledged(kAcknowledgedBeforeFault));
  load.stop();
  EXPECT_GT(load.counts().fail + load.counts().unknown, 0u) << "it was not noticed that the agent was killed";
  agent.wait_caught_up();
  expect_kept(check_history(load.take_history(), postgres));
}

TEST(Survival, AgentAndPostgresDieInTurns) {
  PgCluster postgres;
  AgentProcess agent(agent_options(postgres.conninfo()));
  agent.start();
  Load load({.port = agent.intake_port()});
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(load.wait_acknowledged(kAcknowledgedBeforeFault));
    postgres.stop(StopMode::kImmediate);
    ASSERT_TRUE(load.wait_acknowledged(kAcknowledgedBeforeFault));
    agent.kill();
    agent.start();
    ASSERT_TRUE(load.wait_acknowledged(kAcknowledgedBeforeFault));
    postgres.start();
    agent.kill();
    agent.start();
  }
  load.stop();
  agent.wait_caught_up();
  expect_kept(check_history(load.take_history(), postgres));
}

// Bytes pass, then the line ends: at a random place of the handshake, the transaction or its answers.
TEST(Survival, LineIsCutAtRandomPlaces) {
  PgCluster postgres;
  CutProxy proxy(postgres.port());
  AgentProcess agent(agent_options(postgres.conninfo(proxy.port())));
  agent.start();
  Load load({.port = agent.intake_port()});
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(load.wait_acknowledged(30));
    const bool to_server = i % 2 == 0;
    const auto cuts = proxy.counts().cuts;
    proxy.cut_after(to_server ? Direction::kToServer : Direction::kToClient,
                    random() % (to_server ? 60'000u : 6'000u), i % 4 < 2 ? Cut::kReset : Cut::kFin);
    ASSERT_TRUE(wait_until(seconds(20), [&] { return proxy.counts().cuts > cuts; })) << agent.health();
  }
  proxy.reset();
  load.stop();
  EXPECT_EQ(load.counts().fail + load.counts().unknown, 0u);
  agent.wait_caught_up();
  expect_kept(check_history(load.take_history(), postgres));
}

// PostgreSQL commits and its answer never arrives: the agent must neither send again nor forget.
TEST(Survival, AnswersOfPostgresAreLost) {
  PgCluster postgres;
  CutProxy proxy(postgres.port());
  AgentProcess agent(agent_options(postgres.conninfo(proxy.port())));
  agent.start();
  Load load({.port = agent.intake_port()});
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int i = 0; i < 20; ++i) {
    agent.wait_mode("online");
    ASSERT_TRUE(load.wait_acknowledged(30));
    const auto passed = proxy.counts().bytes_to_client;
    const std::uint64_t more = random() % 1'500;
    proxy.swallow_after(Direction::kToClient, more);
    ASSERT_TRUE(wait_until(seconds(20), [&] { return proxy.counts().bytes_to_client > passed + more; }));
    // Most times the line breaks; sometimes it only stays silent, until the agent's own deadline.
    if (i % 5 == 0) agent.wait_mode("offline", seconds(20));
    proxy.reset();
  }
  load.stop();
  EXPECT_EQ(load.counts().fail + load.counts().unknown, 0u);
  agent.wait_caught_up();
  std::cout << "COMMIT without an answer: " << agent.health("/postgres/recovery/in_doubt_commits")
            << ", of which PostgreSQL had events: "
            << agent.health("/postgres/recovery/found_committed_events") << "\n";
  EXPECT_GT(agent.health_number("/postgres/recovery/in_doubt_commits"), 0)
      << "no answer of a COMMIT was lost";
  expect_kept(check_history(load.take_history(), postgres));
}

TEST(Survival, SigtermFinishesWhatWasAccepted) {
  PgCluster postgres;
  AgentProcess agent(agent_options(postgres.conninfo()));
  agent.start();
  Load load({.port = agent.intake_port()});
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(load.wait_acknowledged(kAcknowledgedBeforeFault));
    const bool away = i == 2;
    if (away) postgres.stop(StopMode::kImmediate);
    const ExitStatus status = agent.terminate(seconds(20));
    EXPECT_EQ(status.code, 0) << "signal " << status.signal << "\n" << agent.log();
    if (away) postgres.start();
    agent.start();
  }
  ASSERT_TRUE(load.wait_acknowledged(kAcknowledgedBeforeFault));
  load.stop();
  agent.wait_caught_up();
  EXPECT_EQ(agent.terminate().code, 0);
  expect_kept(check_history(load.take_history(), postgres));
}

}  // namespace
}  // namespace hookspool::testing
