// Rows "sustained", "flask" and "drain".
#include <string>

#include "tests/bench/bare_postgres.h"
#include "tests/bench/bench.h"
#include "tests/bench/delivering.h"
#include "tests/bench/flask_service.h"
#include "tests/bench/size/backlog.h"

namespace hookspool::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kCatchUpLimit{600'000};

std::string list_text(const std::vector<double>& values) {
  std::string text;
  for (const double value : values) text += (text.empty() ? "" : ", ") + number_text(value);
  return text;
}

void note_run(Row& row, const DeliveringFigures& run, const Sizes& sizes) {
  row.notes.push_back("events waiting at marks of " + std::to_string(sizes.mark.count()) +
                      " s: " + list_text(run.backlog));
  if (run.errors > 0) row.failed = std::to_string(run.errors) + " requests were not answered with a 2xx";
}

double load_empty(const Server& empty, const Sizes& sizes) {
  return load({.port = empty.port(), .connections = kConnections, .time = sizes.round}).per_second;
}

}  // namespace

void measure_sustained(Bench& bench, Row& row) {
  const Sizes& sizes = bench.sizes();
  const auto& postgres = bench.fresh_postgres();
  const auto empty = start_empty_handler();
  testing::AgentProcess agent(agent_options({.conninfo = postgres.conninfo()}));
  agent.start();
  agent.wait_mode("online");
  load({.port = agent.intake_port(), .connections = kConnections, .time = sizes.warm_up});
  agent.wait_caught_up(kCatchUpLimit);
  std::vector<double> nothing{load_empty(*empty, sizes)};
  const DeliveringFigures run = load_while_delivering(agent, sizes.sustained, sizes.mark);
  nothing.push_back(load_empty(*empty, sizes));
  row.figures.push_back({"hookspool at full load, accepted", "events/s", spread_of(run.accepted_per_second)});
  row.figures.push_back(
      {"hookspool at full load, delivered", "events/s", spread_of(run.delivered_per_second)});
  note_run(row, run, sizes);
  std::vector<double> kept_up = run.accepted_per_second;
  if (run.grew) {
    row.notes.push_back(
        "at full load the backlog grew, and the greatest rate at which it does not was searched for");
    const auto slower =
        find_sustained(agent, median(run.delivered_per_second), sizes.probe, sizes.sustained, sizes.mark);
    nothing.push_back(load_empty(*empty, sizes));
    note_run(row, slower, sizes);
    if (slower.grew)
      row.notes.push_back("none was found; the ratio is that of what was delivered at full load");
    kept_up = slower.grew ? run.delivered_per_second : slower.accepted_per_second;
    row.figures.push_back({"hookspool, kept up with", "events/s", spread_of(kept_up)});
  }
  const double peer = median(nothing);
  row.figures.push_back({"empty handler", "requests/s", spread_of(nothing)});
  row.value = spread_of(ratios(kept_up, std::vector<double>(kept_up.size(), peer)));
  row.notes.push_back(std::to_string(sizes.sustained.count()) +
                      " s of load, the rate of each mark's interval");
}

void measure_flask(Bench& bench, Row& row) {
  const Sizes& sizes = bench.sizes();
  const auto& postgres = bench.fresh_postgres();
  const auto flask = start_flask(postgres);
  testing::AgentProcess agent(agent_options({.conninfo = postgres.conninfo()}));
  agent.start();
  agent.wait_mode("online");
  const auto run = [&](int port, std::chrono::seconds time) {
    const LoadFigures measured = load({.port = port, .connections = kConnections, .time = time});
    if (measured.errors > 0)
      row.failed = std::to_string(measured.errors) + " requests were not answered with a 2xx";
    return measured.per_second;
  };
  run(flask->port(), sizes.warm_up);
  run(agent.intake_port(), sizes.warm_up);
  std::vector<double> theirs, accepted, kept_up;
  for (int round = 0; round < sizes.rounds; ++round) {
    theirs.push_back(run(flask->port(), sizes.round));
    agent.wait_caught_up(kCatchUpLimit);
    // Until the last event of the round is in PostgreSQL: nothing piles up.
    const auto began = Clock::now();
    accepted.push_back(run(agent.intake_port(), sizes.round));
    agent.wait_caught_up(kCatchUpLimit);
    const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
    kept_up.push_back(accepted.back() * static_cast<double>(sizes.round.count()) / seconds);
  }
  row.value = spread_of(ratios(kept_up, theirs));
  row.figures = {{"hookspool, in PostgreSQL", "events/s", spread_of(kept_up)},
                 {"hookspool, accepted meanwhile", "events/s", spread_of(accepted)},
                 {"Flask service, in PostgreSQL", "requests/s", spread_of(theirs)}};
}

// The files of the WAL that so many rows take, as a database in use has them: the first to write would make them and
// those that come later, the peer, would find them.
void fill_wal(BarePostgres& postgres, std::uint64_t rows) {
  postgres.execute("CREATE TABLE public.filler AS SELECT repeat('x', 1500) FROM generate_series(1, " +
                   std::to_string(rows) + ")");
  postgres.execute("DROP TABLE public.filler");
}

void measure_drain(Bench& bench, Row& row) {
  const Sizes& sizes = bench.sizes();
  const auto& postgres = bench.fresh_postgres();
  const testing::TempFolder folder("hookspool-drain");
  BarePostgres bare(postgres.conninfo());
  const auto events = static_cast<double>(sizes.drain_events);
  std::vector<double> ours, copy;
  fill_wal(bare, sizes.drain_events);
  for (int round = 0; round < sizes.drain_rounds; ++round) {
    const std::string number = std::to_string(round);
    testing::AgentProcess agent(
        agent_options({.conninfo = postgres.conninfo(), .agent_id = "drain-" + number}));
    testing::make_backlog(agent.journal(), sizes.drain_events, kBodyBytes);
    testing::index_backlog(agent.journal());
    make_cold(agent.journal());
    postgres.query("CHECKPOINT");
    const auto began = Clock::now();
    agent.start();
    agent.wait_caught_up(kCatchUpLimit);
    ours.push_back(events / std::chrono::duration<double>(Clock::now() - began).count());
    agent.terminate();
    const std::string rows = postgres.value("SELECT count(*) FROM hookspool.events");
    if (rows != std::to_string(sizes.drain_events)) row.failed = rows + " rows after draining";
    // The very same rows into a table that is the same but empty.
    if (round == 0) {
      bare.copy_out("COPY hookspool.events TO STDOUT (FORMAT binary)", folder / "rows");
      bare.execute("CREATE TABLE hookspool.bare (LIKE hookspool.events INCLUDING ALL)");
    }
    bare.execute("TRUNCATE hookspool.events, hookspool.bare");
    postgres.query("CHECKPOINT");
    const auto copying = Clock::now();
    const std::uint64_t copied =
        bare.copy_in("COPY hookspool.bare FROM STDIN (FORMAT binary)", folder / "rows");
    copy.push_back(static_cast<double>(copied) /
                   std::chrono::duration<double>(Clock::now() - copying).count());
  }
  if (sizes.quick) row.what += " (here " + number_text(events) + ")";
  row.value = spread_of(ratios(ours, copy));
  row.figures = {{"hookspool, from its start to the last row", "events/s", spread_of(ours)},
                 {"bare COPY, one connection, one transaction", "rows/s", spread_of(copy)}};
  row.notes.push_back(std::to_string(sizes.drain_events) + " events with bodies of " +
                      std::to_string(kBodyBytes) + " bytes in " + std::to_string(testing::kBacklogLanes) +
                      " sources; the journal's files are out of the page cache");
}

}  // namespace hookspool::bench
