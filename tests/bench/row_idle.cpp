#include "tests/bench/row_idle.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <stdexcept>
#include <thread>

#include "tests/bench/bench.h"

namespace hookspool::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kSettle{6};  // longer than what is done soon after a start
constexpr std::size_t kNamed = 5;

struct Thread {
  std::string name;
  double cpu_ns = 0;
  double waits = 0;  // each ended by a wake-up
};

double number_in(const std::filesystem::path& file, const std::string& field) {
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with(field)) return std::stod(line.substr(field.size()));
  }
  throw std::runtime_error("no " + field + " in " + file.string());
}

std::map<std::string, Thread> threads_of(pid_t pid) {
  std::map<std::string, Thread> threads;
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    Thread thread;
    std::getline(std::ifstream(task.path() / "comm"), thread.name);
    thread.cpu_ns = number_in(task.path() / "schedstat", "");  // the first number: time on a CPU
    thread.waits = number_in(task.path() / "status", "voluntary_ctxt_switches:");
    threads[task.path().filename().string()] = thread;
  }
  return threads;
}

IdleFigures measure_idle(Bench& bench) {
  const auto& postgres = bench.fresh_postgres();
  testing::AgentProcess agent(agent_options({.conninfo = postgres.conninfo()}));
  agent.start();
  load({.port = agent.intake_port(), .connections = kConnections, .time = std::chrono::seconds(1)});
  agent.wait_caught_up();
  std::this_thread::sleep_for(kSettle);
  const auto before = threads_of(agent.pid());
  const auto began = Clock::now();
  std::this_thread::sleep_for(bench.sizes().idle);
  const auto after = threads_of(agent.pid());
  const double seconds = std::chrono::duration<double>(Clock::now() - began).count();

  IdleFigures figures;
  std::vector<std::pair<double, std::string>> rates;
  for (const auto& [id, now] : after) {
    const auto then = before.find(id);
    const Thread start = then == before.end() ? Thread{} : then->second;
    figures.cpu_percent += (now.cpu_ns - start.cpu_ns) / 1e9 / seconds * 100;
    const double rate = (now.waits - start.waits) / seconds;
    figures.all_per_second += rate;
    rates.emplace_back(rate, now.name);
  }
  std::sort(rates.rbegin(), rates.rend());
  figures.busiest_per_second = rates.empty() ? 0 : rates.front().first;
  for (std::size_t i = 0; i < std::min(kNamed, rates.size()); ++i)
    figures.busiest.push_back(rates[i].second + " " + number_text(rates[i].first) + "/s");
  return figures;
}

const IdleFigures& shared_idle(Bench& bench) {
  if (!bench.idle) bench.idle = std::make_unique<IdleFigures>(measure_idle(bench));
  return *bench.idle;
}

std::string over(const Bench& bench) {
  return "over " + std::to_string(bench.sizes().idle.count()) + " s, after a second of load";
}

}  // namespace

void measure_idle_cpu(Bench& bench, Row& row) {
  row.value = spread_of({shared_idle(bench).cpu_percent});
  row.notes = {over(bench)};
}

void measure_idle_wakeups(Bench& bench, Row& row) {
  const IdleFigures& figures = shared_idle(bench);
  // A clock of one second may tick once more in the time than it has whole seconds.
  const double one_more = 1.0 / static_cast<double>(bench.sizes().idle.count());
  row.value = spread_of({std::max(0.0, figures.busiest_per_second - one_more)});
  row.figures = {{"all threads together", "a second", spread_of({figures.all_per_second})}};
  std::string names;
  for (const std::string& name : figures.busiest) names += (names.empty() ? "" : ", ") + name;
  row.notes = {over(bench), "voluntary context switches of each thread, less one for the edge: " + names};
}

}  // namespace hookspool::bench
