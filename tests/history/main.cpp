// hookspool-history: breaks a real agent's surroundings by a seeded schedule and holds what senders were answered against
// what is in PostgreSQL and in the journal. See CONTRIBUTING.md.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <random>

#include "tests/history/run.h"
#include "tests/integration/system/agent_process.h"

namespace {

using namespace hookspool::history;

constexpr int kExitKept = 0;
constexpr int kExitBroken = 1;
constexpr int kExitUsage = 64;
constexpr int kExitVoid = 75;  // proves nothing: run it again, on a machine with more room

int exit_code(Finding finding) {
  switch (finding) {
    case Finding::kKept:
      return kExitKept;
    case Finding::kBroken:
      return kExitBroken;
    case Finding::kVoid:
      break;
  }
  return kExitVoid;
}

std::uint64_t fresh_seed() {
  return std::random_device{}() % 1'000'000'000;
}

// A broken agent must be found within so many seeds: its plan has to fail.
int catch_broken(const std::string& name, const std::string& binary, std::uint64_t seed,
                 std::uint64_t seeds) {
  for (std::uint64_t i = 0; i < seeds; ++i) {
    const Report report = run_focus(name, binary, seed + i);
    if (report.finding != Finding::kBroken) continue;
    std::cout << "caught " << name << " with seed " << seed + i << ", the " << i + 1 << ". of " << seeds
              << std::endl;
    return kExitKept;
  }
  std::cout << "NOT CAUGHT: " << name << " within " << seeds << " seeds from " << seed << std::endl;
  return kExitBroken;
}

int check_file(const std::string& file) {
  const Verdict verdict = check(load(file));
  std::cout << verdict.text() << std::endl;
  return verdict.kept() ? kExitKept : kExitBroken;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Breaks what is around a real hookspool and checks that its promise was kept");
  app.require_subcommand(1);
  std::string agent = hookspool::testing::agent_binary(), name, file, block;
  std::uint64_t seed = fresh_seed(), seeds = 5;
  double minutes = 30;
  bool keep = false;
  const auto common = [&](CLI::App* command) {
    command->add_option("--agent", agent, "the hookspool to try")->check(CLI::ExistingFile);
    command->add_flag("--keep", keep, "keep everything of a run that went well, too");
    command->add_option("--seed", seed, "of the schedule and the workload; a fresh one if not given");
    return command;
  };
  auto* plan = common(app.add_subcommand("plan", "the 60 s plan"));
  auto* soak = common(app.add_subcommand("soak", "random faults in six blocks"));
  soak->add_option("--minutes", minutes, "of all blocks together")->check(CLI::PositiveNumber);
  soak->add_option("--block", block, "only this block, for all of the time")
      ->check(CLI::IsMember(soak_blocks()));
  auto* focus = common(app.add_subcommand("focus", "a short plan for one kind of mistake"));
  focus->add_option("name", name)->required()->check(CLI::IsMember(focus_names()));
  auto* caught = common(app.add_subcommand("catch", "succeeds when that plan finds the agent broken"));
  caught->add_option("name", name)->required()->check(CLI::IsMember(focus_names()));
  caught->add_option("--seeds", seeds, "tried at most");
  auto* check = app.add_subcommand("check", "checks the file `result` of a run that was kept once more");
  check->add_option("file", file)->required()->check(CLI::ExistingFile);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitKept : kExitUsage;
  }
  try {
    keep_everything(keep);
    agent = std::filesystem::absolute(agent);  // it runs in a folder of its own
    if (*check) return check_file(file);
    if (*caught) return catch_broken(name, agent, seed, seeds);
    if (*focus) return exit_code(run_focus(name, agent, seed).finding);
    if (*plan) return exit_code(run_plan(agent, seed).finding);
    const auto length = std::chrono::duration<double, std::ratio<60>>(minutes);
    return exit_code(
        run_soak(agent, seed, std::chrono::duration_cast<std::chrono::seconds>(length), block).finding);
  } catch (const std::exception& error) {
    std::cout << "the run could not be made: " << error.what() << std::endl;
    return kExitBroken;
  }
}
