// Events that wait are on the disk, not in memory: two hundred thousand of them cost what twenty thousand
// cost.
#include "tests/integration/system/fixture.h"
#include "tests/support/wait.h"

namespace hookspool::testing {
namespace {

using std::chrono::seconds;

constexpr std::uint64_t kFewEvents = 20'000;
constexpr std::uint64_t kManyEvents = 200'000;
// Page caches of SQLite and arenas of the allocator that fill up late; 180,000 events of 300 bytes would be
// 54 MB.
constexpr std::size_t kSlackBytes = 16u << 20;

TEST(Memory, StaysFlatWhileTwoHundredThousandEventsWait) {
  PgCluster postgres;
  postgres.stop();
  AgentProcess agent(agent_options(postgres.conninfo()));
  agent.start();
  Load load({.port = agent.intake_port(),
             .connections = 32,
             .filler_bytes_max = 300,
             .large_bodies = false,
             .pause = std::chrono::milliseconds(0)});
  ASSERT_TRUE(load.wait_acknowledged(kFewEvents, seconds(60)));
  const std::size_t few = agent.resident_bytes();
  ASSERT_TRUE(load.wait_acknowledged(kManyEvents - kFewEvents, seconds(180)));
  const std::size_t many = agent.resident_bytes();
  load.stop();
  std::cout << "resident with " << kFewEvents << " events waiting: " << few / 1024 << " KiB, with "
            << kManyEvents << ": " << many / 1024 << " KiB\n";
  EXPECT_LT(many, few + kSlackBytes);
  EXPECT_GE(agent.health_number("/journal/pending"), static_cast<long long>(kManyEvents));

  const auto back = std::chrono::steady_clock::now();
  postgres.start();
  agent.wait_caught_up(seconds(180));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - back;
  std::cout << "caught up in " << took.count() << " s; resident " << agent.resident_bytes() / 1024
            << " KiB\n";
  EXPECT_EQ(load.counts().fail + load.counts().unknown, 0u);
  expect_kept(check_history(load.take_history(), postgres));
}

}  // namespace
}  // namespace hookspool::testing
