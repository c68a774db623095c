// The fixed plans: the 60 s plan, and the short ones that each of the broken agents must fail.
#include <map>
#include <stdexcept>

#include "tests/history/run.h"
#include "tests/support/wait.h"

namespace hookspool::history {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kShiftMs = 1'000;  // the seed moves each fault by up to this
constexpr seconds kPlanEnd{54};
constexpr seconds kHitLimit{20};
constexpr int kCutsInCommits = 5;

struct Step {
  seconds at;  // since the load is there; later where the fault before took longer
  void (Nemesis::*fault)(Random&);
};

constexpr Step kPlan[] = {
    {seconds(0), &Nemesis::kill_agent},
    {seconds(4), &Nemesis::reset_in_copy},
    {seconds(8), &Nemesis::lose_commit_answer},
    {seconds(12), &Nemesis::stop_backend},
    {seconds(17), &Nemesis::restart_server},
    {seconds(23), &Nemesis::fill_disk},
    {seconds(28), &Nemesis::fail_sync_and_cut_power},
    {seconds(33), &Nemesis::terminate_agent},
    {seconds(37), &Nemesis::blackhole},
    {seconds(43), &Nemesis::change_table},
    {seconds(47), &Nemesis::kill_agent},
    {seconds(50), &Nemesis::kill_backend},
};

RunOptions focus_options(const std::string& name, const std::string& binary, std::uint64_t seed) {
  RunOptions options{.binary = binary, .seed = seed, .name = "plan " + name};
  options.acknowledged_min = kAcknowledgedBeforeFirstFaultMin;
  options.without_promise_min = 0;
  options.quiet_end = seconds(1);
  options.keep_on_failure = false;
  return options;
}

// What was acknowledged and then could not be written is nowhere.
Report write_nothing(RunOptions options) {
  return run(options, [](Rig& rig, Nemesis& nemesis, Random& random) {
    nemesis.fill_disk(random);
    rig.clients().wait_acknowledged(100, kHitLimit);
  });
}

Report start_again(RunOptions options) {
  return run(options, [](Rig& rig, Nemesis& nemesis, Random& random) {
    for (int i = 0; i < 2; ++i) {
      nemesis.kill_agent(random);
      rig.clients().wait_acknowledged(300, kHitLimit);
    }
  });
}

// While commits are held, each of one lane waits at its COMMIT, its locks held, for a standby that does not exist. Those of
// the other lanes do not, so that the agent's connections are not all taken by them.
constexpr const char* kOthersCommitAtOnce =
    "CREATE FUNCTION commit_at_once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " PERFORM set_config('synchronous_commit', 'local', true); RETURN NEW; END $$;"
    "CREATE TRIGGER at_once BEFORE INSERT ON hookspool.events FOR EACH ROW EXECUTE FUNCTION commit_at_once();"
    "CREATE TRIGGER at_once BEFORE INSERT ON own_events FOR EACH ROW WHEN (NEW.source <> 'c0-s7')"
    " EXECUTE FUNCTION commit_at_once();";

void hold_commits(const testing::PgCluster& postgres, bool hold) {
  postgres.query(std::string("ALTER SYSTEM SET synchronous_standby_names = '") + (hold ? "absent" : "") +
                 "'");
  postgres.query("SELECT pg_reload_conf()");
}

bool wait_for_backend(const testing::PgCluster& postgres, const std::string& that_waits) {
  return testing::wait_until(kHitLimit, [&] {
    return postgres.value("SELECT count(*) > 0 FROM pg_stat_activity WHERE usename = 'hookspool' AND " +
                          that_waits) == "t";
  });
}

// The old transaction of a lane is still at its COMMIT when the new one looks at the watermark.
Report cut_in_commits(RunOptions options) {
  return run(options, [](Rig& rig, Nemesis& nemesis, Random& random) {
    rig.postgres().query(kOthersCommitAtOnce);
    for (int i = 0; i < kCutsInCommits; ++i) {
      rig.clients().wait_acknowledged(50, kHitLimit);
      hold_commits(rig.postgres(), true);
      const bool at_commit = wait_for_backend(rig.postgres(), "wait_event = 'SyncRep'");
      rig.proxy().cut_all();
      // The right agent's next transaction waits for the lock on the watermark, a wrong one's at the latest when it moves it.
      const bool at_lock = wait_for_backend(rig.postgres(), "wait_event_type = 'Lock'");
      hold_commits(rig.postgres(), false);
      if (!at_commit) throw std::runtime_error("no transaction was held at its COMMIT");
      if (!at_lock) throw std::runtime_error("no transaction waited for the one before it");
    }
    nemesis.lose_commit_answer(random);
  });
}

// What is acknowledged after a failed sync is only in the journal when the power goes.
Report power_cut_in_an_outage(RunOptions options) {
  return run(options, [](Rig& rig, Nemesis& nemesis, Random& random) {
    rig.postgres().stop(testing::StopMode::kImmediate);
    rig.clients().wait_acknowledged(100, kHitLimit);
    nemesis.fail_sync_and_cut_power(random);
    rig.postgres().start();
  });
}

Report many_planted(RunOptions options) {
  options.clients.planted_in_10000 = 100;
  options.clients.burst_pause = options.clients.pause;  // an agent that fails here is slow at it
  return run(options, [](Rig& rig, Nemesis& nemesis, Random& random) {
    nemesis.kill_agent(random);
    nemesis.restart_server(random);  // a backlog, and so batches of several
    rig.clients().wait_acknowledged(300, kHitLimit);
  });
}

const std::map<std::string, Report (*)(RunOptions)>& focuses() {
  static const std::map<std::string, Report (*)(RunOptions)> kFocuses = {
      {"ack-before-commit", write_nothing},
      {"epoch-used-again", start_again},
      {"no-lock", cut_in_commits},
      {"write-on-after-eio", power_cut_in_an_outage},
      {"bury-without-isolation", many_planted},
      {"forgets-deliveries", start_again},
  };
  return kFocuses;
}

}  // namespace

Report run_plan(const std::string& binary, std::uint64_t seed) {
  RunOptions options{.binary = binary, .seed = seed, .name = "the 60 s plan"};
  return run(options, [](Rig& rig, Nemesis& nemesis, Random& random) {
    const auto began = Clock::now();
    for (const Step& step : kPlan) {
      std::this_thread::sleep_until(began + step.at + milliseconds(random() % kShiftMs));
      (nemesis.*step.fault)(random);
    }
    std::this_thread::sleep_until(began + kPlanEnd);
    rig.say("faults are off");
  });
}

Report run_focus(const std::string& name, const std::string& binary, std::uint64_t seed) {
  const auto found = focuses().find(name);
  if (found == focuses().end()) throw std::invalid_argument("no plan is called " + name);
  return found->second(focus_options(name, binary, seed));
}

std::vector<std::string> focus_names() {
  std::vector<std::string> names;
  for (const auto& [name, plan] : focuses()) names.push_back(name);
  return names;
}

}  // namespace hookspool::history
