// Also rows "ready", "intake-waiting" and "memory-waiting".
#include "tests/bench/waiting.h"

#include <algorithm>
#include <thread>

#include "tests/bench/bench.h"
#include "tests/bench/size/backlog.h"

namespace hookspool::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kSampleInterval{200};

Waiting& shared_waiting(Bench& bench, Row& row) {
  const std::uint64_t events = bench.sizes().waiting_events;
  if (!bench.waiting) {
    say("filling a journal with " + std::to_string(events) + " events");
    bench.waiting = std::make_unique<Waiting>(events);
  }
  if (bench.sizes().quick) row.what += " (here " + number_text(static_cast<double>(events)) + ")";
  row.notes.push_back(std::to_string(events) + " events with bodies of " +
                      std::to_string(testing::kBacklogBodyBytes) + " bytes were waiting");
  return *bench.waiting;
}

double most_mebibytes(const testing::AgentProcess& agent) {
  return static_cast<double>(status_bytes(agent.pid(), "VmHWM")) / kMebibyte;
}

}  // namespace

Waiting::Waiting(std::uint64_t events) {
  testing::make_backlog(journal_, events);
  testing::index_backlog(journal_);
}

testing::AgentProcess Waiting::agent(const std::string& conninfo) const {
  return testing::AgentProcess(agent_options({.conninfo = conninfo, .journal = journal_}));
}

void measure_ready(Bench& bench, Row& row) {
  const Waiting& waiting = shared_waiting(bench, row);
  testing::AgentProcess full(waiting.agent()), empty(agent_options());
  const auto start = [](testing::AgentProcess& agent) {
    const auto began = Clock::now();
    agent.start();
    const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
    agent.terminate();
    return seconds;
  };
  std::vector<double> cold, warm, nothing;
  for (int round = 0; round < bench.sizes().rounds; ++round) {
    make_cold(waiting.journal());
    cold.push_back(start(full));
    warm.push_back(start(full));
    nothing.push_back(start(empty));
  }
  row.value = spread_of(cold);
  row.figures = {{"once more, the files in the page cache", "s", spread_of(warm)},
                 {"with an empty journal", "s", spread_of(nothing)}};
  row.notes.push_back(
      "from the start of the process to a 200 of /readyz; the journal's files were out of the page cache");
}

void measure_intake_waiting(Bench& bench, Row& row) {
  const Sizes& sizes = bench.sizes();
  const Waiting& waiting = shared_waiting(bench, row);
  testing::AgentProcess full(waiting.agent()), empty(agent_options());
  full.start();
  empty.start();
  std::uint64_t errors = 0;
  const auto run = [&](const testing::AgentProcess& agent, std::chrono::seconds time) {
    const LoadFigures measured =
        load({.port = agent.intake_port(), .connections = kConnections, .time = time});
    errors += measured.errors;
    return measured.per_second;
  };
  run(full, sizes.warm_up);
  run(empty, sizes.warm_up);
  std::vector<double> with, without;
  for (int round = 0; round < sizes.rounds; ++round) {
    without.push_back(run(empty, sizes.round));
    with.push_back(run(full, sizes.round));
  }
  row.value = spread_of(ratios(with, without));
  row.figures = {{"with them", "events/s", spread_of(with)},
                 {"empty journal", "events/s", spread_of(without)}};
  row.notes.push_back("PostgreSQL is away");
  if (errors > 0) row.failed = std::to_string(errors) + " requests were not answered with a 2xx";
}

void measure_memory_waiting(Bench& bench, Row& row) {
  const Sizes& sizes = bench.sizes();
  const Waiting& waiting = shared_waiting(bench, row);
  double idle = 0, loaded = 0, drained = 0;
  long long left = 0;
  {
    testing::AgentProcess agent(waiting.agent());
    agent.start();
    idle = most_mebibytes(agent);
    load({.port = agent.intake_port(), .connections = kConnections, .time = sizes.round});
    loaded = most_mebibytes(agent);
    agent.terminate();
  }
  const auto& postgres = bench.fresh_postgres();
  testing::AgentProcess agent(waiting.agent(postgres.conninfo()));
  agent.start();
  for (const auto end = Clock::now() + sizes.waiting_drain; Clock::now() < end && left == 0;) {
    std::this_thread::sleep_for(kSampleInterval);
    if (agent.health_number("/journal/pending") == 0) break;
  }
  drained = most_mebibytes(agent);
  left = agent.health_number("/journal/pending");
  agent.terminate();
  row.value = spread_of({std::max({idle, loaded, drained})});
  row.figures = {{"ready", "MiB", spread_of({idle})},
                 {"64 connections at full load, PostgreSQL away", "MiB", spread_of({loaded})},
                 {"draining", "MiB", spread_of({drained})}};
  row.notes.push_back("VmHWM; drained for at most " + std::to_string(sizes.waiting_drain.count()) +
                      " s, after which " + number_text(static_cast<double>(left)) +
                      " were left (./dev size drains all)");
}

}  // namespace hookspool::bench
