// One run: a rig, clients, a schedule of faults, the drain, the check, and what came of it. A run whose load or faults
// did not really happen is void, which is not passed.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "tests/history/checker.h"
#include "tests/history/nemesis.h"
#include "tests/history/rig.h"

namespace hookspool::history {

// Below these a run proves nothing. Low enough for a loaded machine of two cores.
inline constexpr std::uint64_t kAcknowledgedBeforeFirstFaultMin = 500;
inline constexpr std::uint64_t kAcknowledgedMin = 2'000;
inline constexpr std::uint64_t kWithoutPromiseMin = 200;  // refused or unanswered, where the agent is killed
inline constexpr std::uint64_t kRepeatsMin = 5;
inline constexpr std::chrono::seconds kWarmMax{60};  // for the acknowledged before the first fault

enum class Finding { kKept, kBroken, kVoid };

struct Report {
  Finding finding = Finding::kVoid;
  Verdict verdict{};
  std::vector<std::string> notes{};  // why it is void, or what stood still
};

struct RunOptions {
  std::string binary{};
  std::uint64_t seed = 0;
  std::string name{};  // of the plan
  RigOptions rig{};    // binary and seed are set by the run
  ClientsOptions clients{};
  std::uint64_t acknowledged_min = kAcknowledgedMin;
  std::uint64_t without_promise_min = kWithoutPromiseMin;
  std::chrono::seconds quiet_end{6};  // faults are off, and clients still send
  bool each_fault_must_hit = true;    // else: each kind of fault once, and half of all
  bool keep_on_failure = true;
};

// Keep the folder of every run, whatever came of it.
void keep_everything(bool keep);

// `break_things` runs while the clients send; when it returns, faults are switched off and everything is drained.
Report run(const RunOptions& options, const std::function<void(Rig&, Nemesis&, Random&)>& break_things);

// The 60 s plan: twelve faults, one after another, at moments that the seed shifts.
Report run_plan(const std::string& binary, std::uint64_t seed);

// Blocks of random faults, several alive at once. `only`: the block to run for all of `length`; empty: all in turn.
Report run_soak(const std::string& binary, std::uint64_t seed, std::chrono::seconds length,
                const std::string& only);
std::vector<std::string> soak_blocks();  // their names

// A short plan that one kind of broken agent cannot survive. Empty name: lists them in `known`.
Report run_focus(const std::string& name, const std::string& binary, std::uint64_t seed);
std::vector<std::string> focus_names();

}  // namespace hookspool::history
