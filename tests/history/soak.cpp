// The long run: six blocks, each with a journal and a PostgreSQL of its own, each with faults of its own, drawn by the
// seed. An organ (the agent's life, the line, the server, the disk) has a thread, so 2 to 4 faults are alive at once.
#include <exception>
#include <iostream>

#include "tests/history/run.h"

namespace hookspool::history {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;
using FaultOf = void (Nemesis::*)(Random&);

constexpr seconds kProgressEvery{10};
constexpr std::uint64_t kPauseMinMs = 500;  // of an organ, between two faults
constexpr std::uint64_t kPauseMaxMs = 6'000;
constexpr std::uint64_t kLifeMinMs = 3'000;  // of the agent
constexpr std::uint64_t kLifeMaxMs = 20'000;

struct Organ {
  std::vector<FaultOf> faults;
  std::uint64_t pause_min_ms = kPauseMinMs, pause_max_ms = kPauseMaxMs;
};

struct Block {
  std::string name;
  std::vector<Organ> organs;
  bool with_standby = false;
};

const Organ& lives() {
  static const Organ kLives{
      {&Nemesis::kill_agent, &Nemesis::kill_agent, &Nemesis::terminate_agent}, kLifeMinMs, kLifeMaxMs};
  return kLives;
}
const Organ& lines() {
  static const Organ kLines{{&Nemesis::reset_in_copy, &Nemesis::lose_commit_answer, &Nemesis::blackhole}};
  return kLines;
}
const Organ& servers() {
  static const Organ kServers{
      {&Nemesis::stop_backend, &Nemesis::kill_backend, &Nemesis::restart_server, &Nemesis::change_table}};
  return kServers;
}
const Organ& disks() {
  static const Organ kDisks{{&Nemesis::fill_disk, &Nemesis::fail_sync_and_cut_power, &Nemesis::slow_disk}};
  return kDisks;
}

const std::vector<Block>& blocks() {
  static const Organ kClocks{
      {&Nemesis::fill_disk, &Nemesis::fail_sync_and_cut_power, &Nemesis::slow_disk, &Nemesis::jump_clock}};
  static const std::vector<Block> kBlocks = {
      {"disk", {lives(), disks()}},
      {"PostgreSQL", {lives(), lines(), servers()}},
      {"failover", {lives(), {{&Nemesis::fail_over}}}, true},
      {"restored database", {lives(), lines(), {{&Nemesis::restore_server}}}},
      {"restored, cloned and new journals",
       {{{&Nemesis::restore_journal, &Nemesis::clone_journal, &Nemesis::reinstall}}, lines()}},
      {"everything, and the clock", {lives(), lines(), servers(), kClocks}},
  };
  return kBlocks;
}

// The faults of one organ until the block is over. What goes wrong with the machine ends the block.
void torment(Nemesis& nemesis, const Organ& organ, Random random, Clock::time_point until,
             std::exception_ptr& error) {
  try {
    for (;;) {
      const auto pause =
          milliseconds(organ.pause_min_ms + random() % (organ.pause_max_ms - organ.pause_min_ms));
      if (Clock::now() + pause >= until) return;
      std::this_thread::sleep_for(pause);
      (nemesis.*organ.faults[random() % organ.faults.size()])(random);
    }
  } catch (...) {
    error = std::current_exception();
  }
}

void torment_all(const Block& block, seconds length, Rig& rig, Nemesis& nemesis, Random& random) {
  const auto until = Clock::now() + length;
  std::vector<std::exception_ptr> errors(block.organs.size());
  {
    std::vector<std::jthread> organs;
    for (std::size_t i = 0; i < block.organs.size(); ++i) {
      organs.emplace_back(
          [&, i, mine = Random(random())] { torment(nemesis, block.organs[i], mine, until, errors[i]); });
    }
    while (Clock::now() < until) {
      std::this_thread::sleep_for(std::min<Clock::duration>(kProgressEvery, until - Clock::now()));
      const ClientCounts counts = rig.clients().counts();
      rig.say("block " + block.name + ": acknowledged " + std::to_string(counts.ok) + ", refused " +
              std::to_string(counts.fail) + ", unanswered " + std::to_string(counts.unknown) +
              ", delivered " + std::to_string(rig.sampler().delivered()) + ", faults so far " +
              std::to_string(nemesis.faults().size()));
    }
  }
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

}  // namespace

std::vector<std::string> soak_blocks() {
  std::vector<std::string> names;
  for (const Block& block : blocks()) names.push_back(block.name);
  return names;
}

Report run_soak(const std::string& binary, std::uint64_t seed, seconds length, const std::string& only) {
  Report all{.finding = Finding::kKept};
  const auto share = only.empty() ? length / static_cast<int>(blocks().size()) : length;
  for (const Block& block : blocks()) {
    if (!only.empty() && block.name != only) continue;
    RunOptions options{.binary = binary, .seed = seed, .name = "soak, block " + block.name};
    options.rig.with_standby = block.with_standby;
    options.each_fault_must_hit = false;
    options.without_promise_min = 0;
    options.acknowledged_min = kAcknowledgedBeforeFirstFaultMin;
    const Report report = run(options, [&](Rig& rig, Nemesis& nemesis, Random& random) {
      torment_all(block, share, rig, nemesis, random);
    });
    all.verdict.sent += report.verdict.sent;
    all.verdict.acknowledged += report.verdict.acknowledged;
    all.verdict.refused += report.verdict.refused;
    all.verdict.unanswered += report.verdict.unanswered;
    all.verdict.recovered += report.verdict.recovered;
    all.verdict.repeats += report.verdict.repeats;
    all.verdict.repeated_in_another_life += report.verdict.repeated_in_another_life;
    all.verdict.rows += report.verdict.rows;
    all.verdict.dead_letters += report.verdict.dead_letters;
    all.verdict.put_back += report.verdict.put_back;
    all.verdict.journaled += report.verdict.journaled;
    all.verdict.watermarks += report.verdict.watermarks;
    all.verdict.violations += report.verdict.violations;
    for (const std::string& note : report.notes) all.notes.push_back("block " + block.name + ": " + note);
    if (report.finding == Finding::kBroken || all.finding == Finding::kKept) all.finding = report.finding;
  }
  std::cout << "soak with seed " << seed << ": " << all.verdict.text() << std::endl;
  for (const std::string& note : all.notes) std::cout << note << std::endl;
  return all;
}

}  // namespace hookspool::history
