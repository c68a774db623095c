#include "tests/history/run.h"

#include <iostream>
#include <map>

namespace hookspool::history {
namespace {

bool keeping_everything = false;

std::vector<std::string> why_void(const RunOptions& options, const std::vector<Fault>& faults,
                                  const Verdict& verdict) {
  std::vector<std::string> reasons;
  if (verdict.acknowledged < options.acknowledged_min) {
    reasons.push_back("only " + std::to_string(verdict.acknowledged) + " events were acknowledged, " +
                      std::to_string(options.acknowledged_min) + " are needed");
  }
  if (verdict.refused + verdict.unanswered < options.without_promise_min) {
    reasons.push_back("only " + std::to_string(verdict.refused + verdict.unanswered) +
                      " requests were refused or not answered, " +
                      std::to_string(options.without_promise_min) + " are needed");
  }
  if (verdict.repeats < kRepeatsMin)
    reasons.push_back("only " + std::to_string(verdict.repeats) + " repeats were sent");
  std::map<std::string, std::uint64_t> hits;
  std::size_t missed = 0;
  for (const Fault& fault : faults) {
    hits[fault.name] += fault.hits;
    missed += fault.hits == 0 ? 1u : 0u;
  }
  if (faults.empty()) reasons.emplace_back("nothing was broken");
  if (options.each_fault_must_hit ? missed > 0 : missed * 2 > faults.size()) {
    reasons.push_back(std::to_string(missed) + " of " + std::to_string(faults.size()) +
                      " faults did not hit");
  }
  for (const auto& [name, count] : hits) {
    if (count == 0) reasons.push_back("never hit: " + name);
  }
  return reasons;
}

void say_end(Rig& rig, const RunOptions& options, const Report& report) {
  rig.say(report.verdict.text());
  for (const std::string& note : report.notes) rig.say(note);
  rig.say(options.name + " with seed " + std::to_string(options.seed) + ": " +
          (report.finding == Finding::kKept     ? "the promise was kept"
           : report.finding == Finding::kBroken ? "THE PROMISE WAS BROKEN"
                                                : "VOID, this run proves nothing"));
}

}  // namespace

void keep_everything(bool keep) {
  keeping_everything = keep;
}

Report run(const RunOptions& options, const std::function<void(Rig&, Nemesis&, Random&)>& break_things) {
  RigOptions rig_options = options.rig;
  rig_options.binary = options.binary;
  rig_options.seed = options.seed;
  Rig rig(rig_options);
  rig.say(options.name + ", seed " + std::to_string(options.seed) + ", in " + rig.folder().string());
  Random random(options.seed);
  Nemesis nemesis(rig);
  Report report;
  Result result;
  try {
    rig.start_clients(options.clients);
    const bool warm = rig.clients().wait_acknowledged(kAcknowledgedBeforeFirstFaultMin, kWarmMax);
    if (!warm) report.notes.emplace_back("too little load before the first fault");
    if (warm) break_things(rig, nemesis, random);
    nemesis.calm();
    std::this_thread::sleep_for(options.quiet_end);
    rig.stop_clients();
    rig.drain();
    result = rig.collect(nemesis.faults());
    report.verdict = check(result);
    for (std::string& reason : why_void(options, result.faults, report.verdict)) {
      report.notes.push_back(std::move(reason));
    }
    report.finding = !report.verdict.kept()  ? Finding::kBroken
                     : !report.notes.empty() ? Finding::kVoid
                                             : Finding::kKept;
  } catch (const Stalled& stalled) {
    report.finding = Finding::kBroken;
    report.notes.emplace_back(stalled.what());
  } catch (const std::exception& error) {
    // The agent, a server or this program did not do as ordered: look at it.
    report.finding = Finding::kBroken;
    report.notes.emplace_back(error.what());
  }
  say_end(rig, options, report);
  if (keeping_everything || (report.finding != Finding::kKept && options.keep_on_failure)) {
    rig.stop_clients();
    result.faults = nemesis.faults();
    rig.say("everything is kept in " + rig.keep(std::move(result)).string());
  }
  return report;
}

}  // namespace hookspool::history
