// After a disk that lost parts of the journal, or was replaced: what is whole is salvaged or imported, and is in
// PostgreSQL once, whatever had been delivered, recorded as lost, or imported before.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/integration/system/fixture.h"
#include "tests/support/wait.h"

namespace hookspool::testing {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

class SalvageSystem : public ::testing::Test {
 protected:
  SalvageSystem() { postgres_.stop(); }

  static AgentOptions small_segments(const std::string& conninfo) {
    AgentOptions options = agent_options(conninfo);
    options.agent_id = "salvaged";
    options.more_journal += "max_bytes = \"32MiB\"\n";  // segments of 1 MiB
    return options;
  }

  // Adds to the history until that many segments are there.
  void fill(AgentProcess& agent, int segments, const std::string& prefix = "s") {
    Load load({.port = agent.intake_port(), .prefix = prefix, .filler_bytes_max = 20'000});
    ASSERT_TRUE(
        wait_until(seconds(60), [&] { return agent.health_number("/journal/segments") >= segments; }));
    load.stop();
    for (auto& history : load.take_history()) histories_.push_back(std::move(history));
  }

  static void damage_header(const fs::path& segment) {
    std::fstream file(segment, std::ios::binary | std::ios::in | std::ios::out);
    file << std::string(100, '\xff');
    ASSERT_TRUE(file.good()) << segment;
  }

  static Captured salvage(const AgentProcess& agent, std::vector<std::string> more = {}) {
    std::vector<std::string> argv = {agent_binary(), "salvage", "--config", agent.config_file().string()};
    argv.insert(argv.end(), more.begin(), more.end());
    return run_and_capture({.argv = argv}, seconds(60));
  }

  std::string gaps() { return postgres_.value("SELECT count(*) FROM hookspool.gaps"); }

  PgCluster postgres_;
  std::vector<SourceHistory> histories_;
};

// PostgreSQL has passed the numbers and recorded them as lost: they go in all the same, and the record goes.
TEST_F(SalvageSystem, WhatWasRecordedAsLostIsHealed) {
  AgentProcess agent(small_segments(postgres_.conninfo()));
  agent.start();
  fill(agent, 4);
  EXPECT_EQ(agent.terminate().code, 0);
  damage_header(agent.journal() / "segment-00000002.db");
  postgres_.start();
  agent.start();
  agent.wait_caught_up();
  EXPECT_NE(gaps(), "0");
  // What lies there is logged at each start, until it is salvaged.
  EXPECT_EQ(agent.terminate().code, 0);
  agent.start();
  agent.wait_caught_up();
  EXPECT_NE(agent.log().find("1 damaged files lie in "), std::string::npos) << agent.log();
  EXPECT_EQ(agent.health_number("/journal/set_aside_files"), 1);
  const Captured busy = salvage(agent);
  EXPECT_EQ(busy.status.code, 69) << busy.output;
  EXPECT_NE(busy.output.find("Salvage needs the journal for itself"), std::string::npos) << busy.output;
  EXPECT_EQ(agent.terminate().code, 0);

  const Captured dry = salvage(agent, {"--dry-run"});
  EXPECT_NE(dry.output.find("could be put back"), std::string::npos) << dry.output;
  const Captured done = salvage(agent);
  EXPECT_EQ(done.status.code, 0) << done.output;
  EXPECT_NE(done.output.find("it is called salvaged-segment-00000002.db"), std::string::npos) << done.output;
  agent.start();
  EXPECT_TRUE(wait_until(seconds(60), [&] { return gaps() == "0"; })) << agent.log();
  agent.wait_caught_up();
  EXPECT_EQ(agent.terminate().code, 0);
  const std::string rows = postgres_.value("SELECT count(*) FROM hookspool.events");

  // Once more, by name.
  const Captured again = salvage(agent, {(agent.journal() / "salvaged-segment-00000002.db").string()});
  EXPECT_EQ(again.status.code, 0) << again.output;
  // And a copy of a segment that is there.
  fs::copy_file(agent.journal() / "segment-00000003.db", agent.journal() / "segment-00000099.db");
  agent.start();
  EXPECT_NE(agent.log().find("like a copy"), std::string::npos) << agent.log();
  EXPECT_TRUE(fs::exists(agent.journal() / "duplicate-segment-00000099.db"));
  agent.wait_caught_up();
  EXPECT_EQ(agent.terminate().code, 0);
  EXPECT_EQ(postgres_.value("SELECT count(*) FROM hookspool.events"), rows);
  expect_kept(check_history(histories_, postgres_));
}

// PostgreSQL has seen nothing of it yet: salvaged events take their usual way. Salvage is killed in the middle first.
TEST_F(SalvageSystem, WhatWasNotPassedYetIsDelivered) {
  AgentProcess agent(small_segments(postgres_.conninfo()));
  agent.start();
  fill(agent, 4);
  EXPECT_EQ(agent.terminate().code, 0);
  for (const char* name : {"segment-00000001.db", "segment-00000003.db"})
    damage_header(agent.journal() / name);
  int killed = 0;
  for (const char* call : {"fdatasync", "rename", "pwrite64"}) {
    for (int nth = 1; nth <= 9; nth += 2) {
      const Captured run = run_and_capture(
          {.argv = {"strace", "-f", "-qq", "-o", "/dev/null", "-e", std::string("trace=") + call, "-e",
                    std::string("inject=") + call + ":signal=SIGKILL:when=" + std::to_string(nth),
                    agent_binary(), "salvage", "--config", agent.config_file().string()}},
          seconds(60));
      killed += run.status.signal == SIGKILL || run.status.code == 128 + SIGKILL ? 1 : 0;
    }
  }
  EXPECT_GT(killed, 5);
  const Captured done = salvage(agent);
  EXPECT_EQ(done.status.code, 0) << done.output;
  postgres_.start();
  agent.start();
  agent.wait_caught_up();
  EXPECT_EQ(gaps(), "0") << agent.log();
  EXPECT_EQ(agent.terminate().code, 0);
  expect_kept(check_history(histories_, postgres_));
}

// A new machine under the same agent id, and the segments of the old disk: some are imported by name, some from beside
// the journal's own, some both.
TEST_F(SalvageSystem, OldSegmentsAreImportedOnce) {
  AgentProcess agent(small_segments(postgres_.conninfo()));
  agent.start();
  fill(agent, 4);
  EXPECT_EQ(agent.terminate().code, 0);
  const fs::path old = agent.journal().parent_path() / "old disk";
  fs::rename(agent.journal(), old);
  postgres_.start();
  agent.start();
  fill(agent, 1, "new");
  agent.wait_caught_up();
  EXPECT_EQ(agent.terminate().code, 0);

  std::vector<std::string> by_name;
  for (const auto& entry : fs::directory_iterator(old)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("segment-") || entry.path().extension() != ".db") continue;
    if (name.ends_with("1.db") || name.ends_with("2.db")) by_name.push_back(entry.path().string());
    if (!name.ends_with("1.db")) fs::copy_file(entry.path(), agent.journal() / ("old " + name));
  }
  ASSERT_EQ(by_name.size(), 2u);
  std::sort(by_name.begin(), by_name.end());
  const Captured imported = salvage(agent, by_name);
  EXPECT_EQ(imported.status.code, 0) << imported.output;
  agent.start();
  EXPECT_NE(agent.log().find("hookspool import takes in"), std::string::npos) << agent.log();
  agent.wait_caught_up();
  EXPECT_EQ(agent.terminate().code, 0);
  for (int round = 0; round < 2; ++round) {
    const Captured beside = salvage(agent);
    EXPECT_EQ(beside.status.code, 0) << beside.output;
    EXPECT_EQ(beside.output.find("put back") != std::string::npos, round == 0) << beside.output;
  }
  agent.start();
  agent.wait_caught_up();
  EXPECT_EQ(agent.terminate().code, 0);
  expect_kept(check_history(histories_, postgres_));
  EXPECT_EQ(gaps(), "0");
}

}  // namespace
}  // namespace hookspool::testing
