// What the agent meets when it starts: no PostgreSQL, the wrong one, one that does not trust it, an empty
// one.
#include "tests/integration/system/fixture.h"
#include "tests/support/wait.h"

namespace hookspool::testing {
namespace {

using std::chrono::seconds;

// Rows in the table, which need not be there yet.
std::string delivered(const PgCluster& postgres) {
  if (postgres.value("SELECT to_regclass('hookspool.events')").empty()) return "0";
  return postgres.value("SELECT count(*) FROM hookspool.events");
}

TEST(Start, ServesWhilePostgresIsAway) {
  PgCluster postgres;
  postgres.stop();
  AgentProcess agent(agent_options(postgres.conninfo()));
  agent.start();
  agent.wait_mode("offline");
  Load load({.port = agent.intake_port()});
  ASSERT_TRUE(load.wait_acknowledged(2 * kAcknowledgedBeforeFault));
  postgres.start();
  agent.wait_mode("online");
  load.stop();
  agent.wait_caught_up();
  EXPECT_EQ(load.counts().fail + load.counts().unknown, 0u);
  expect_kept(check_history(load.take_history(), postgres));
}

TEST(Start, ServesWithoutAPostgresAndDeliversWhenThereIsOne) {
  PgCluster postgres;
  AgentProcess agent(agent_options(""));
  agent.start();
  EXPECT_EQ(agent.health("/mode"), "journal-only");
  EXPECT_EQ(agent.health("/postgres/configured"), "false");
  Load load({.port = agent.intake_port(), .rounds_max = 20});
  ASSERT_TRUE(wait_until(seconds(20), [&] { return load.finished(); }));
  EXPECT_EQ(agent.terminate().code, 0);
  agent.options().conninfo = postgres.conninfo();
  agent.start();
  agent.wait_caught_up();
  expect_kept(check_history(load.take_history(), postgres));
}

// The authority is a file that an administrator corrects while the agent runs.
TEST(Start, TrustsNoOtherAuthority) {
  PgCluster postgres;
  TempFolder folder;
  const auto other = make_authority(folder.path(), "other");
  const auto trusted = folder / "trusted.crt";
  std::filesystem::copy_file(other.certificate, trusted);
  AgentProcess agent(agent_options(postgres.conninfo() + " sslrootcert=" + trusted.string()));
  agent.start();
  Load load({.port = agent.intake_port(), .rounds_max = 20});
  ASSERT_TRUE(wait_until(seconds(20), [&] { return load.finished(); }));
  agent.wait_mode("blocked");
  EXPECT_EQ(delivered(postgres), "0");
  EXPECT_NE(agent.health().find("certificate"), std::string::npos) << agent.health();
  EXPECT_NE(hint_of(agent), "") << agent.health();

  std::filesystem::copy_file(postgres.authority().certificate, trusted,
                             std::filesystem::copy_options::overwrite_existing);
  agent.wait_caught_up();
  expect_kept(check_history(load.take_history(), postgres));
  EXPECT_EQ(postgres.value("SELECT min(version) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
                           "WHERE usename = 'hookspool'"),
            "TLSv1.3");
}

TEST(Start, TrustsNoOtherHostName) {
  PgCluster postgres;
  AgentProcess agent(agent_options(postgres.conninfo() + " host=db.example.com"));
  agent.start();
  Load load({.port = agent.intake_port(), .rounds_max = 20});
  ASSERT_TRUE(wait_until(seconds(20), [&] { return load.finished(); }));
  agent.wait_mode("blocked");
  EXPECT_EQ(delivered(postgres), "0");
  EXPECT_NE(agent.health().find("db.example.com"), std::string::npos) << agent.health();
  EXPECT_EQ(agent.terminate().code, 0);
  agent.options().conninfo = postgres.conninfo();
  agent.start();
  agent.wait_caught_up();
  expect_kept(check_history(load.take_history(), postgres));
}

TEST(Start, SaysTheSqlThatAnAdministratorMustRun) {
  PgCluster postgres;
  postgres.query("CREATE ROLE limited LOGIN PASSWORD 'limited'");
  AgentProcess agent(agent_options(postgres.conninfo_as("limited", "limited")));
  agent.start();
  Load load({.port = agent.intake_port(), .rounds_max = 20});
  ASSERT_TRUE(wait_until(seconds(20), [&] { return load.finished(); }));
  agent.wait_mode("blocked");
  const std::string hint = hint_of(agent);
  ASSERT_NE(hint.find("CREATE TABLE"), std::string::npos) << agent.health();
  const std::string sql = hint.substr(hint.find("CREATE "));  // after a sentence that says what it is
  ASSERT_NE(sql.find("GRANT"), std::string::npos) << sql;

  postgres.query(sql);
  agent.wait_caught_up();
  expect_kept(check_history(load.take_history(), postgres));
}

TEST(Start, TwoAgentsShareAnEmptyDatabase) {
  PgCluster postgres;
  AgentProcess one(agent_options(postgres.conninfo()));
  AgentProcess two(agent_options(postgres.conninfo()));
  one.launch();
  two.launch();
  one.wait_ready();
  two.wait_ready();
  Load load_one({.port = one.intake_port(), .prefix = "one", .threads = 1});
  Load load_two({.port = two.intake_port(), .prefix = "two", .threads = 1});
  ASSERT_TRUE(load_one.wait_acknowledged(kAcknowledgedBeforeFault));
  ASSERT_TRUE(load_two.wait_acknowledged(kAcknowledgedBeforeFault));
  load_one.stop();
  load_two.stop();
  one.wait_caught_up();
  two.wait_caught_up();
  expect_kept(check_history(load_one.take_history(), postgres, "source LIKE 'one%'"));
  expect_kept(check_history(load_two.take_history(), postgres, "source LIKE 'two%'"));
  EXPECT_NE(one.health("/agent_id"), two.health("/agent_id"));
}

}  // namespace
}  // namespace hookspool::testing
