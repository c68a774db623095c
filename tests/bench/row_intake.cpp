#include "tests/bench/row_intake.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "tests/bench/bare_sqlite.h"
#include "tests/bench/bench.h"

namespace hookspool::bench {
namespace {

void note_errors(Row& row, std::uint64_t errors) {
  if (errors > 0) row.failed = std::to_string(errors) + " requests were not answered with a 2xx";
}

// The counters as they are now.
struct Commits {
  long long events = 0;
  long long commits = 0;
};
Commits commits_of(const testing::AgentProcess& agent) {
  return {agent.health_number("/journal/events_appended"), agent.health_number("/journal/commits")};
}

// `body_bytes`: of what the bare loop writes, the payloads' mean.
IntakeFigures measure_rounds(Bench& bench, const std::filesystem::path& payloads, std::size_t body_bytes) {
  const Sizes& sizes = bench.sizes();
  IntakeFigures figures;
  const auto empty = start_empty_handler();
  testing::AgentProcess agent(agent_options());
  agent.start();
  const auto run = [&](int port, std::chrono::seconds time) {
    const LoadFigures measured =
        load({.port = port, .connections = kConnections, .time = time, .payloads = payloads});
    figures.errors += measured.errors;
    return measured;
  };
  run(empty->port(), sizes.warm_up);
  run(agent.intake_port(), sizes.warm_up);
  for (int round = 0; round < sizes.rounds; ++round) {
    const LoadFigures nothing = run(empty->port(), sizes.round);
    const Commits before = commits_of(agent);
    const LoadFigures ours = run(agent.intake_port(), sizes.round);
    const Commits after = commits_of(agent);
    figures.empty_per_second.push_back(nothing.per_second);
    figures.empty_p99_us.push_back(nothing.p99_us);
    figures.agent_per_second.push_back(ours.per_second);
    figures.agent_p99_us.push_back(ours.p99_us);
    const double group = static_cast<double>(after.events - before.events) /
                         static_cast<double>(std::max(1LL, after.commits - before.commits));
    figures.group_events.push_back(group);
    BareSqlite bare(body_bytes);
    const int rows = std::max(1, static_cast<int>(std::lround(group)));
    const auto took_us = bare.commit_for(sizes.round, rows);
    figures.bare_p99_us.push_back(quantile(took_us, 0.99));
    figures.bare_per_second.push_back(static_cast<double>(took_us.size()) * rows /
                                      static_cast<double>(sizes.round.count()));
    BareSqlite by_default(body_bytes, BareSqlite::kCheckpointByDefault);
    figures.bare_default_p99_us.push_back(quantile(by_default.commit_for(sizes.round, rows), 0.99));
  }
  return figures;
}

const IntakeFigures& shared_rounds(Bench& bench) {
  if (!bench.intake) bench.intake = std::make_unique<IntakeFigures>(measure_rounds(bench, {}, kBodyBytes));
  return *bench.intake;
}

std::vector<double> in_ms(std::vector<double> us) {
  for (double& value : us) value /= 1000;
  return us;
}

}  // namespace

void measure_intake(Bench& bench, Row& row) {
  const IntakeFigures& figures = shared_rounds(bench);
  row.value = spread_of(ratios(figures.agent_per_second, figures.empty_per_second));
  row.figures = {{"hookspool", "events/s", spread_of(figures.agent_per_second)},
                 {"empty handler", "requests/s", spread_of(figures.empty_per_second)},
                 {"bare SQLite loop with the same groups", "rows/s", spread_of(figures.bare_per_second)},
                 {"that loop against the empty handler", "x",
                  spread_of(ratios(figures.bare_per_second, figures.empty_per_second))},
                 {"events a commit", "", spread_of(figures.group_events)}};
  note_errors(row, figures.errors);
}

void measure_intake_github(Bench& bench, Row& row) {
  const PayloadSet payloads = look_at_payloads(bench.payloads());
  if (payloads.count == 0) {
    row.left_out = "there are no payloads; name a folder with --payloads or HOOKSPOOL_PAYLOADS";
    return;
  }
  const IntakeFigures figures = measure_rounds(bench, bench.payloads(), payloads.mean_bytes);
  row.value = spread_of(ratios(figures.agent_per_second, figures.empty_per_second));
  row.figures = {{"hookspool", "events/s", spread_of(figures.agent_per_second)},
                 {"empty handler", "requests/s", spread_of(figures.empty_per_second)},
                 {"bare SQLite loop with the same groups and the mean body", "rows/s",
                  spread_of(figures.bare_per_second)},
                 {"that loop against the empty handler", "x",
                  spread_of(ratios(figures.bare_per_second, figures.empty_per_second))},
                 {"events a commit", "", spread_of(figures.group_events)}};
  row.notes.push_back(std::to_string(payloads.count) + " payloads in turn, " +
                      std::to_string(payloads.mean_bytes) +
                      " bytes on the mean, each delivery with an id of its own");
  note_errors(row, figures.errors);
}

void measure_p99(Bench& bench, Row& row) {
  const IntakeFigures& figures = shared_rounds(bench);
  row.value = spread_of(ratios(figures.agent_p99_us, figures.bare_p99_us));
  row.figures = {{"hookspool, p99", "ms", spread_of(in_ms(figures.agent_p99_us))},
                 {"bare commit loop with the same groups, p99", "ms", spread_of(in_ms(figures.bare_p99_us))},
                 {"that loop with SQLite's default checkpoints, p99", "ms",
                  spread_of(in_ms(figures.bare_default_p99_us))},
                 {"hookspool against it", "x",
                  spread_of(ratios(figures.agent_p99_us, figures.bare_default_p99_us))},
                 {"empty handler, p99", "ms", spread_of(in_ms(figures.empty_p99_us))},
                 {"empty handler against it", "x",
                  spread_of(ratios(figures.empty_p99_us, figures.bare_default_p99_us))},
                 {"events a commit", "", spread_of(figures.group_events)}};
  note_errors(row, figures.errors);
}

void measure_latency(Bench& bench, Row& row) {
  const Sizes& sizes = bench.sizes();
  const auto empty = start_empty_handler();
  testing::AgentProcess agent(agent_options());
  agent.start();
  const auto run = [&](int port, std::chrono::seconds time) {
    return load({.port = port, .connections = 1, .time = time});
  };
  run(agent.intake_port(), sizes.warm_up);
  std::vector<double> ours_us, empty_us, commit_us, ratio;
  std::uint64_t errors = 0;
  for (int round = 0; round < sizes.rounds; ++round) {
    BareSqlite bare(kBodyBytes);
    commit_us.push_back(median(bare.commit_for(sizes.round, 1)));
    empty_us.push_back(run(empty->port(), sizes.round).p50_us);
    const LoadFigures ours = run(agent.intake_port(), sizes.round);
    ours_us.push_back(ours.p50_us);
    errors += ours.errors;
    ratio.push_back(ours_us.back() / (commit_us.back() + empty_us.back()));
  }
  row.value = spread_of(ratio);
  row.figures = {{"hookspool, p50", "us", spread_of(ours_us)},
                 {"one bare SQLite commit, p50", "us", spread_of(commit_us)},
                 {"empty handler, p50", "us", spread_of(empty_us)}};
  note_errors(row, errors);
}

}  // namespace hookspool::bench
