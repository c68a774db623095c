// Faults that take something back: databases that lose commits, journals that are restored, copied or gone.
#include <fstream>
#include <stdexcept>

#include "tests/history/nemesis.h"
#include "tests/history/wall_clock.h"
#include "tests/support/process.h"
#include "tests/support/wait.h"

namespace hookspool::history {
namespace {

using std::chrono::seconds;
using testing::StopMode;

constexpr seconds kHitLimit{15};
constexpr seconds kOldPrimary{3};
constexpr seconds kClone{4};
constexpr std::uint64_t kAcknowledged = 200;  // before and after what is lost

void copy_folder(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::filesystem::remove_all(to);
  testing::run_checked({.argv = {"cp", "-a", from, to}});
}

}  // namespace

void Nemesis::fail_over(Random&) {
  const std::lock_guard organ(server_);
  Fault fault = begin("the primary dies, the standby lacks its last commits");
  fault.loses_commits = true;
  rig_.clients().wait_acknowledged(kAcknowledged, kHitLimit);
  rig_.standby()->wait_replayed(rig_.postgres());
  rig_.standby()->stop_receiving();
  const auto sum = "SELECT coalesce(sum(seq), 0) FROM hookspool.watermarks";
  const auto kept = std::stoull(rig_.standby()->value(sum));
  std::uint64_t there = kept;
  testing::wait_until(
      kHitLimit, [&] { return (there = std::stoull(rig_.postgres().value(sum))) > kept + kAcknowledged; });
  rig_.postgres().stop(StopMode::kImmediate);
  rig_.standby()->promote();
  rig_.swap_primary();
  rig_.clients().wait_acknowledged(kAcknowledged, kHitLimit);
  // Split brain: the old one takes connections again for a while.
  rig_.standby()->start();
  std::this_thread::sleep_for(kOldPrimary);
  const auto late = std::stoull(rig_.standby()->value(sum));
  rig_.standby()->stop(StopMode::kImmediate);
  rig_.standby()->follow(rig_.postgres());
  end(fault, there - kept,
      "events lost by the failover; the old primary came back with " + std::to_string(late));
}

void Nemesis::restore_server(Random&) {
  const std::lock_guard organ(server_);
  Fault fault = begin("PostgreSQL is put back to an older copy of its files");
  fault.loses_commits = true;
  const std::filesystem::path backup = rig_.folder() / "backup";
  testing::run_checked({.argv = {"rm", "-rf", backup}});
  rig_.postgres().back_up(backup);
  const auto sum = "SELECT coalesce(sum(seq), 0) FROM hookspool.watermarks";
  const auto kept = std::stoull(rig_.postgres().value(sum));
  std::uint64_t there = kept;
  testing::wait_until(
      kHitLimit, [&] { return (there = std::stoull(rig_.postgres().value(sum))) > kept + kAcknowledged; });
  rig_.postgres().stop(StopMode::kImmediate);
  rig_.postgres().restore(backup);
  rig_.postgres().start();
  end(fault, there - kept, "events lost by the restore");
}

// What is promised after a journal was put back is promised for what PostgreSQL had: so nothing waits meanwhile.
void Nemesis::stop_clients_and_agent() {
  rig_.clients().pause();
  rig_.wait_idle();
  rig_.agent().terminate(seconds(60));
}

void Nemesis::restore_journal(Random&) {
  const std::lock_guard organ(agent_);
  Fault fault = begin("the journal is put back to an older copy");
  fault.forgets_deliveries = true;
  const std::filesystem::path backup = rig_.folder() / "journal-backup";
  rig_.agent().terminate(seconds(60));
  copy_folder(rig_.agent().journal(), backup);
  rig_.start_agent();
  const bool more = rig_.clients().wait_acknowledged(kAcknowledged, kHitLimit);
  stop_clients_and_agent();
  copy_folder(backup, rig_.agent().journal());
  rig_.start_agent();
  rig_.clients().resume();
  end(fault, more ? kAcknowledged : 0, "acknowledged events or more that the older copy lacks");
}

void Nemesis::clone_journal(Random&) {
  const std::scoped_lock organs(agent_, server_);
  Fault fault = begin("a clone of the agent, with all that waits, delivers as well");
  rig_.postgres().stop();
  rig_.clients().wait_acknowledged(kAcknowledged, kHitLimit);
  const long long waiting = rig_.agent().health_number("/journal/pending");
  rig_.agent().kill();
  testing::AgentOptions options = rig_.agent().options();
  options.journal = rig_.folder() / "journal-clone";
  options.intake_port = options.admin_port = 0;
  copy_folder(rig_.agent().journal(), options.journal);
  testing::AgentProcess clone(options);
  clone.launch();
  rig_.start_agent();
  rig_.postgres().start();
  std::this_thread::sleep_for(kClone);
  clone.wait_ready();
  clone.terminate(seconds(60));
  end(fault, waiting > 0 ? static_cast<std::uint64_t>(waiting) : 0, "events waited in both");
  std::filesystem::remove_all(options.journal);
}

void Nemesis::reinstall(Random&) {
  const std::lock_guard organ(agent_);
  Fault fault = begin("the journal is gone: the agent is installed anew");
  fault.forgets_deliveries = true;
  stop_clients_and_agent();
  const bool there = std::filesystem::remove_all(rig_.agent().journal()) > 0;
  rig_.start_agent();
  rig_.clients().resume();
  end(fault, there ? 1 : 0, "journals removed");
}

}  // namespace hookspool::history
