#include "tests/bench/delivering.h"

#include <algorithm>
#include <string>
#include <thread>

#include "tests/bench/figures.h"
#include "tests/bench/wrk.h"

namespace hookspool::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kGrowthShare = 0.01;     // of what came in: less is noise of a run of a minute
constexpr double kInFlightEvents = 8192;  // accepted, and in a batch that is on its way
constexpr std::chrono::milliseconds kCatchUpLimit{600'000};
constexpr double kSurelyShare = 0.8;  // of what was delivered at full load: surely kept up with
constexpr int kProbes = 5;
constexpr int kTriesMax = 3;  // to hold for the whole time what a probe held
constexpr double kSlower = 1.2;

struct Mark {
  double at_s = 0;
  double accepted = 0;
  double waiting = 0;
};

Mark look(const testing::AgentProcess& agent, Clock::time_point began) {
  Mark mark;
  mark.accepted = static_cast<double>(agent.health_number("/journal/events_appended"));
  mark.waiting = static_cast<double>(agent.health_number("/journal/pending"));
  mark.at_s = std::chrono::duration<double>(Clock::now() - began).count();
  return mark;
}

}  // namespace

DeliveringFigures load_while_delivering(const testing::AgentProcess& agent, std::chrono::seconds time,
                                        std::chrono::seconds mark, double pause_ms) {
  DeliveringFigures figures;
  LoadRun run({.port = agent.intake_port(), .connections = kConnections, .time = time, .pause_ms = pause_ms});
  const auto began = Clock::now();
  // The marks lie half a second before what they are named after: the last one before the load ends.
  const auto shift = std::chrono::milliseconds(500);
  std::this_thread::sleep_until(began + shift);
  std::vector<Mark> marks{look(agent, began)};
  for (auto next = mark; next <= time; next += mark) {
    std::this_thread::sleep_until(began + next - shift);
    marks.push_back(look(agent, began));
  }
  figures.errors = run.finish().errors;
  for (std::size_t i = 1; i < marks.size(); ++i) {
    const double seconds = marks[i].at_s - marks[i - 1].at_s;
    const double accepted = marks[i].accepted - marks[i - 1].accepted;
    figures.accepted_per_second.push_back(accepted / seconds);
    figures.delivered_per_second.push_back((accepted - (marks[i].waiting - marks[i - 1].waiting)) / seconds);
    figures.backlog.push_back(marks[i].waiting);
  }
  figures.grew =
      grows(figures.backlog, marks.back().accepted - marks.front().accepted, kGrowthShare, kInFlightEvents);
  return figures;
}

DeliveringFigures find_sustained(const testing::AgentProcess& agent, double delivered,
                                 std::chrono::seconds probe, std::chrono::seconds time,
                                 std::chrono::seconds mark) {
  const auto run = [&](double pause_ms, std::chrono::seconds length, std::chrono::seconds between) {
    agent.wait_caught_up(kCatchUpLimit);
    const auto figures = load_while_delivering(agent, length, between, pause_ms);
    say("at " + std::to_string(static_cast<long long>(median(figures.accepted_per_second))) +
        " events/s the backlog " + (figures.grew ? "grows" : "does not grow"));
    return figures;
  };
  double grows_ms = 0;
  double holds_ms = 1000.0 * kConnections / (kSurelyShare * delivered);
  for (int i = 0; i < kProbes; ++i) {
    const double between_ms = (grows_ms + holds_ms) / 2;
    const bool grew = run(between_ms, probe, std::max(probe / 4, std::chrono::seconds(1))).grew;
    (grew ? grows_ms : holds_ms) = between_ms;
  }
  DeliveringFigures held;
  for (int i = 0; i < kTriesMax; ++i, holds_ms *= kSlower) {
    held = run(holds_ms, time, mark);
    if (!held.grew) break;
  }
  return held;
}

}  // namespace hookspool::bench
