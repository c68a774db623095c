// Rows "memory-idle" and "memory-load". VmHWM is the most that was resident at any time of the process.
#include <string>
#include <thread>

#include "tests/bench/bench.h"

namespace hookspool::bench {
namespace {

// Until the agent is idle, and has given free memory back.
constexpr std::chrono::seconds kSettle{10};
constexpr std::chrono::milliseconds kCatchUpLimit{600'000};

double in_mebibytes(const testing::AgentProcess& agent, const std::string& field) {
  return static_cast<double>(status_bytes(agent.pid(), field)) / kMebibyte;
}

int threads_of(const testing::AgentProcess& agent) {
  return static_cast<int>(status_bytes(agent.pid(), "Threads") / 1024);
}

}  // namespace

void measure_memory_idle(Bench& bench, Row& row) {
  const auto& postgres = bench.fresh_postgres();
  std::vector<double> resident, of_its_own;
  for (int start = 0; start < bench.sizes().starts; ++start) {
    testing::AgentProcess agent(agent_options({.conninfo = postgres.conninfo()}));
    agent.start();
    agent.wait_mode("online");
    std::this_thread::sleep_for(kSettle);
    resident.push_back(in_mebibytes(agent, "VmRSS"));
    of_its_own.push_back(in_mebibytes(agent, "RssAnon"));
    row.notes = {std::to_string(threads_of(agent)) + " threads; VmRSS, " + std::to_string(kSettle.count()) +
                 " s after the start, PostgreSQL connected"};
  }
  row.value = spread_of(resident);
  row.figures = {{"of it not of files (RssAnon): the rest is code, shared with the page cache", "MiB",
                  spread_of(of_its_own)}};
}

void measure_memory_load(Bench& bench, Row& row) {
  const Sizes& sizes = bench.sizes();
  const auto& postgres = bench.fresh_postgres();
  std::vector<double> most, journal_only, after;
  for (int start = 0; start < sizes.starts; ++start) {
    for (const bool delivers : {true, false}) {
      testing::AgentProcess agent(agent_options({.conninfo = delivers ? postgres.conninfo() : ""}));
      agent.start();
      load({.port = agent.intake_port(), .connections = kConnections, .time = 2 * sizes.round});
      (delivers ? most : journal_only).push_back(in_mebibytes(agent, "VmHWM"));
      if (!delivers) continue;
      agent.wait_caught_up(kCatchUpLimit);
      after.push_back(in_mebibytes(agent, "VmRSS"));
    }
  }
  row.value = spread_of(most);
  row.figures = {{"without PostgreSQL", "MiB", spread_of(journal_only)},
                 {"when all is delivered (VmRSS)", "MiB", spread_of(after)}};
  row.notes = {"VmHWM after " + std::to_string(2 * sizes.round.count()) + " s, PostgreSQL delivering"};
}

}  // namespace hookspool::bench
