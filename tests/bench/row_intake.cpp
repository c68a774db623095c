#include "tests/bench/row_intake.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <optional>
#include <string>

#include "tests/bench/bare_sqlite.h"
#include "tests/bench/bench.h"
#include "tests/bench/nginx.h"
#include "tests/integration/system/raw_client.h"

namespace hookspool::bench {

constexpr const char* kNoPayloads =
    "there are no payloads; name a folder with --payloads or HOOKSPOOL_PAYLOADS";

namespace {

void note_empty_errors(Row& row, std::uint64_t errors) {
  if (errors > 0)
    row.notes.push_back("of the empty handler " + std::to_string(errors) + " answers were none, or no 2xx");
}

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

void note_cpu(IntakeRounds& figures, const std::map<std::string, double>& before,
              const std::map<std::string, double>& after, double events) {
  if (events <= 0) return;
  double all = 0;
  for (const auto& [name, seconds] : after) {
    const auto then = before.find(name);
    const double us = (seconds - (then == before.end() ? 0 : then->second)) * 1e6 / events;
    figures.threads_us[name].push_back(us);
    all += us;
  }
  figures.agent_cpu_us.push_back(all);
}

// `body_bytes`: of what the bare loop writes, the payloads' mean.
IntakeRounds measure_rounds(Bench& bench, const std::filesystem::path& payloads, std::size_t body_bytes) {
  const Sizes& sizes = bench.sizes();
  IntakeRounds figures;
  const auto empty = start_empty_handler();
  std::optional<Nginx> nginx;
  if (Nginx::is_installed()) nginx.emplace();
  testing::AgentProcess agent(agent_options());
  agent.start();
  const auto run = [&](int port, std::chrono::seconds time) {
    const LoadFigures measured =
        load({.port = port, .connections = kConnections, .time = time, .payloads = payloads});
    (port == agent.intake_port() ? figures.errors : figures.empty_errors) += measured.errors;
    return measured;
  };
  run(empty->port(), sizes.warm_up);
  run(agent.intake_port(), sizes.warm_up);
  for (int round = 0; round < sizes.rounds; ++round) {
    const LoadFigures nothing = run(empty->port(), sizes.round);
    if (nginx) figures.nginx_per_second.push_back(run(nginx->port(), sizes.round).per_second);
    const Commits before = commits_of(agent);
    const auto cpu_before = processor_seconds(agent.pid());
    const LoadFigures ours = run(agent.intake_port(), sizes.round);
    const auto cpu_after = processor_seconds(agent.pid());
    const Commits after = commits_of(agent);
    note_cpu(figures, cpu_before, cpu_after, static_cast<double>(after.events - before.events));
    figures.empty_per_second.push_back(nothing.per_second);
    figures.empty_p99_us.push_back(nothing.p99_us);
    figures.agent_per_second.push_back(ours.per_second);
    figures.agent_p99_us.push_back(ours.p99_us);
    figures.agent_p50_us.push_back(ours.p50_us);
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

IntakeFigures& figures_of(Bench& bench) {
  if (!bench.intake) bench.intake = std::make_unique<IntakeFigures>();
  return *bench.intake;
}

const IntakeRounds& shared_rounds(Bench& bench) {
  auto& rounds = figures_of(bench).of_1kb;
  if (!rounds) rounds = measure_rounds(bench, {}, kBodyBytes);
  return *rounds;
}

const IntakeRounds& github_rounds(Bench& bench, const PayloadSet& payloads) {
  auto& rounds = figures_of(bench).of_github;
  if (!rounds) rounds = measure_rounds(bench, bench.payloads(), payloads.mean_bytes);
  return *rounds;
}

// A kept-alive connection each time, a request after the other.
class OneSender {
 public:
  explicit OneSender(int port) : client_(port) {}

  // The median of what a request and `after` it take together, in microseconds.
  template <class After>
  double send_for(std::chrono::seconds time, const After& after) {
    using Clock = std::chrono::steady_clock;
    std::vector<double> took_us;
    client_
        .close();  // a connection that has waited for its next turn may have been given up by the other side
    for (const auto end = Clock::now() + time; Clock::now() < end;) {
      const auto began = Clock::now();
      errors_ += client_.exchange(request_).outcome == testing::Outcome::kOk ? 0u : 1u;
      after();
      took_us.push_back(std::chrono::duration<double, std::micro>(Clock::now() - began).count());
    }
    return median(took_us);
  }
  std::uint64_t errors() const { return errors_; }

 private:
  const std::string request_ =
      testing::post_request("/hooks/bench", "Content-Type: application/json\r\n", json_body(kBodyBytes));
  testing::RawClient client_;
  std::uint64_t errors_ = 0;
};

constexpr const char* kNoNginx = "nginx is not installed (Debian: nginx)";
constexpr double kThreadShown = 0.05;  // us an event: threads that take less are not listed

void show_against_nginx(const IntakeRounds& figures, Row& row) {
  if (figures.nginx_per_second.empty()) {
    row.left_out = kNoNginx;
    return;
  }
  row.value = spread_of(ratios(figures.agent_per_second, figures.nginx_per_second));
  row.figures = {{"hookspool", "events/s", spread_of(figures.agent_per_second)},
                 {"nginx, one worker, return 200", "requests/s", spread_of(figures.nginx_per_second)},
                 {"events a commit", "", spread_of(figures.group_events)}};
  note_errors(row, figures.errors);
}

std::vector<double> in_ms(std::vector<double> us) {
  for (double& value : us) value /= 1000;
  return us;
}

// Both sides by the same client in turn. The peer's commit follows its answer, so that the disk and the processor get the
// same moments of rest as they have between two of the agent's commits: a disk that is written to without a pause answers sooner.
void show_latency(Bench& bench, int peer_port, const std::string& peer, Row& row) {
  const Sizes& sizes = bench.sizes();
  testing::AgentProcess agent(agent_options());
  agent.start();
  OneSender to_agent(agent.intake_port()), to_empty(peer_port);
  const auto nothing = [] {};
  to_agent.send_for(sizes.warm_up, nothing);
  std::vector<double> ours_us, peer_us, empty_us, commit_us;
  for (int round = 0; round < sizes.rounds; ++round) {
    BareSqlite bare(kBodyBytes);
    commit_us.push_back(median(bare.commit_for(sizes.round, 1)));
    empty_us.push_back(to_empty.send_for(sizes.round, nothing));
    peer_us.push_back(to_empty.send_for(sizes.round, [&] { bare.commit(1); }));
    ours_us.push_back(to_agent.send_for(sizes.round, nothing));
  }
  row.value = spread_of(ratios(ours_us, peer_us));
  row.figures = {{"hookspool, p50", "us", spread_of(ours_us)},
                 {peer + " and then a bare SQLite commit, p50 of both together", "us", spread_of(peer_us)},
                 {peer + " alone, p50", "us", spread_of(empty_us)},
                 {"bare SQLite commits without a pause, p50", "us", spread_of(commit_us)}};
  note_errors(row, to_agent.errors() + to_empty.errors());
}

}  // namespace

void measure_intake(Bench& bench, Row& row) {
  const IntakeRounds& figures = shared_rounds(bench);
  row.value = spread_of(ratios(figures.agent_per_second, figures.empty_per_second));
  row.figures = {{"hookspool", "events/s", spread_of(figures.agent_per_second)},
                 {"empty handler", "requests/s", spread_of(figures.empty_per_second)},
                 {"bare SQLite loop with the same groups", "rows/s", spread_of(figures.bare_per_second)},
                 {"that loop against the empty handler", "x",
                  spread_of(ratios(figures.bare_per_second, figures.empty_per_second))},
                 {"events a commit", "", spread_of(figures.group_events)}};
  note_errors(row, figures.errors);
  note_empty_errors(row, figures.empty_errors);
}

void measure_intake_nginx(Bench& bench, Row& row) {
  show_against_nginx(shared_rounds(bench), row);
}

void measure_cpu(Bench& bench, Row& row) {
  const IntakeRounds& figures = shared_rounds(bench);
  row.value = spread_of(figures.agent_cpu_us);
  for (const auto& [name, us] : figures.threads_us) {
    if (const Spread spread = spread_of(us); spread.median >= kThreadShown)
      row.figures.push_back({"threads named " + name, "us", spread});
  }
  row.figures.push_back({"hookspool", "events/s", spread_of(figures.agent_per_second)});
  note_errors(row, figures.errors);
}

void measure_p99_p50(Bench& bench, Row& row) {
  const IntakeRounds& figures = shared_rounds(bench);
  row.value = spread_of(ratios(figures.agent_p99_us, figures.agent_p50_us));
  row.figures = {{"hookspool, p99", "ms", spread_of(in_ms(figures.agent_p99_us))},
                 {"hookspool, p50", "ms", spread_of(in_ms(figures.agent_p50_us))}};
  note_errors(row, figures.errors);
}

void measure_intake_github(Bench& bench, Row& row) {
  const PayloadSet payloads = look_at_payloads(bench.payloads());
  if (payloads.count == 0) {
    row.left_out = kNoPayloads;
    return;
  }
  const IntakeRounds& figures = github_rounds(bench, payloads);
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
  note_empty_errors(row, figures.empty_errors);
}

void measure_intake_github_nginx(Bench& bench, Row& row) {
  const PayloadSet payloads = look_at_payloads(bench.payloads());
  if (payloads.count == 0) {
    row.left_out = kNoPayloads;
  } else {
    show_against_nginx(github_rounds(bench, payloads), row);
  }
}

void measure_p99(Bench& bench, Row& row) {
  const IntakeRounds& figures = shared_rounds(bench);
  row.value = spread_of(ratios(figures.agent_p99_us, figures.bare_p99_us));
  row.figures = {
      {"hookspool, p99", "ms", spread_of(in_ms(figures.agent_p99_us))},
      {"bare commit loop with the same groups, p99", "ms", spread_of(in_ms(figures.bare_p99_us))},
      {"that loop with SQLite's default checkpoints, p99", "ms",
       spread_of(in_ms(figures.bare_default_p99_us))},
      {"hookspool against it", "x", spread_of(ratios(figures.agent_p99_us, figures.bare_default_p99_us))},
      {"empty handler, p99", "ms", spread_of(in_ms(figures.empty_p99_us))},
      {"empty handler against it", "x", spread_of(ratios(figures.empty_p99_us, figures.bare_default_p99_us))},
      {"events a commit", "", spread_of(figures.group_events)}};
  note_errors(row, figures.errors);
  note_empty_errors(row, figures.empty_errors);
}

void measure_latency(Bench& bench, Row& row) {
  const auto empty = start_empty_handler();
  show_latency(bench, empty->port(), "empty handler", row);
}

void measure_latency_nginx(Bench& bench, Row& row) {
  if (!Nginx::is_installed()) {
    row.left_out = kNoNginx;
    return;
  }
  const Nginx nginx;
  show_latency(bench, nginx.port(), "nginx", row);
}

}  // namespace hookspool::bench
