#include "tests/history/nemesis.h"

#include <csignal>
#include <fstream>
#include <stdexcept>

#include "tests/history/wall_clock.h"
#include "tests/support/wait.h"

namespace hookspool::history {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Direction;
using testing::wait_until;

constexpr seconds kHitLimit{15};
constexpr seconds kFullDisk{3};
constexpr seconds kZombie{3};
constexpr seconds kBlackhole{4};
constexpr seconds kChangedTable{3};
constexpr seconds kSlowDisk{4};
constexpr seconds kMovedClock{4};
constexpr std::uint32_t kSyncDelayMs = 300;
constexpr std::int64_t kYearSeconds = 365 * 24 * 3600;
constexpr int kCommitTries = 25;
constexpr std::uint64_t kCopyBytesMax = 20'000;   // where in the stream to the server a line is cut
constexpr std::uint64_t kAnswerBytesMax = 1'500;  // and in the stream of its answers

bool stopped(int pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(stat, text);
  const auto end = text.rfind(')');
  return end != std::string::npos && end + 2 < text.size() && text[end + 2] == 'T';
}

}  // namespace

Fault Nemesis::begin(const std::string& name) {
  rig_.say(name);
  return {.name = name, .begin_us = wall_clock_us()};
}

void Nemesis::end(Fault fault, std::uint64_t hits, const std::string& proof) {
  fault.end_us = wall_clock_us();
  fault.hits = hits;
  fault.proof = proof;
  rig_.say("  " + fault.name + " is over: " + std::to_string(hits) + " " + proof);
  const std::lock_guard lock(faults_mutex_);
  faults_.push_back(std::move(fault));
}

std::vector<Fault> Nemesis::faults() const {
  const std::lock_guard lock(faults_mutex_);
  return faults_;
}

void Nemesis::calm() {
  rig_.proxy().reset();
  rig_.shim().calm();
}

void Nemesis::kill_and_start() {
  rig_.agent().kill();
  rig_.start_agent();
}

void Nemesis::kill_agent(Random&) {
  const std::lock_guard organ(agent_);
  Fault fault = begin("SIGKILL to the agent");
  const bool alive = rig_.agent().running();
  kill_and_start();
  end(fault, alive ? 1 : 0, "lives ended");
}

void Nemesis::terminate_agent(Random&) {
  const std::lock_guard organ(agent_);
  Fault fault = begin("SIGTERM to the agent");
  const testing::ExitStatus status = rig_.agent().terminate(seconds(60));
  if (status.code != 0)
    throw std::runtime_error("SIGTERM: the agent ended with " + std::to_string(status.code));
  rig_.start_agent();
  end(fault, 1, "lives ended with exit code 0");
}

void Nemesis::reset_in_copy(Random& random) {
  const std::lock_guard organ(line_);
  Fault fault = begin("connection reset in the middle of COPY, three times");
  const auto before = rig_.proxy().counts().cuts;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    rig_.proxy().cut_after(Direction::kToServer, random() % kCopyBytesMax);
    wait_until(kHitLimit, [&] { return rig_.proxy().counts().cuts >= before + i; });
  }
  rig_.proxy().reset();
  end(fault, rig_.proxy().counts().cuts - before, "connections cut by the proxy");
}

void Nemesis::lose_commit_answer(Random& random) {
  const std::lock_guard organ(line_);
  Fault fault = begin("the answer of COMMIT is dropped");
  const std::string counter = "/postgres/recovery/in_doubt_commits";
  long long hits = 0;
  for (int i = 0; i < kCommitTries && hits <= 0; ++i) {
    const long long before = rig_.agent().health_number(counter);
    const std::uint64_t more = random() % kAnswerBytesMax;
    const auto goal = rig_.proxy().counts().bytes_to_client + more;
    rig_.proxy().swallow_after(Direction::kToClient, more);
    wait_until(kHitLimit, [&] { return rig_.proxy().counts().bytes_to_client > goal; });
    rig_.proxy().reset();
    wait_until(seconds(1), [&] { return (hits = rig_.agent().health_number(counter) - before) > 0; });
  }
  end(fault, hits > 0 ? static_cast<std::uint64_t>(hits) : 0, "commits in doubt, by the agent's count");
}

void Nemesis::blackhole(Random&) {
  const std::lock_guard organ(line_);
  Fault fault = begin("nothing passes the line any more, and no side says so");
  const auto before = rig_.proxy().counts().bytes_to_server;
  rig_.proxy().swallow_after(Direction::kToServer);
  rig_.proxy().swallow_after(Direction::kToClient);
  std::this_thread::sleep_for(kBlackhole);
  const auto swallowed = rig_.proxy().counts().bytes_to_server - before;
  rig_.proxy().reset();
  end(fault, swallowed, "bytes swallowed by the proxy");
}

int Nemesis::backend_in_transaction() const {
  const auto rows = rig_.postgres().query(
      "SELECT pid FROM pg_stat_activity WHERE usename = 'hookspool' AND xact_start IS NOT NULL"
      " AND backend_xid IS NOT NULL LIMIT 1");
  return rows.empty() ? 0 : std::stoi(rows[0][0].value_or("0"));
}

void Nemesis::stop_backend(Random&) {
  const std::lock_guard organ(server_);
  Fault fault = begin("SIGSTOP to a backend in its transaction");
  int pid = 0;
  wait_until(kHitLimit, [&] {
    pid = backend_in_transaction();
    if (pid == 0) return false;
    ::kill(pid, SIGSTOP);
    const bool in_time = wait_until(seconds(1), [&] { return stopped(pid); }) &&
                         rig_.postgres().value(
                             "SELECT count(*) FROM pg_stat_activity WHERE backend_xid IS NOT NULL"
                             " AND pid = " +
                             std::to_string(pid)) == "1";
    if (in_time) return true;
    ::kill(pid, SIGCONT);
    pid = 0;
    return false;
  });
  if (pid != 0) {
    std::this_thread::sleep_for(kZombie);
    ::kill(pid, SIGCONT);
  }
  end(fault, pid != 0 ? 1 : 0, "backends stopped with a transaction open, for 3 s");
}

void Nemesis::kill_backend(Random&) {
  const std::lock_guard organ(server_);
  Fault fault = begin("SIGKILL to a backend");
  int pid = 0;
  wait_until(kHitLimit, [&] { return (pid = backend_in_transaction()) != 0; });
  const bool hit = pid != 0 && ::kill(pid, SIGKILL) == 0;
  wait_until(kHitLimit, [&] {
    try {
      return rig_.postgres().value("SELECT pg_is_in_recovery()") == "f";
    } catch (const std::runtime_error&) {
      return false;
    }
  });
  end(fault, hit ? 1 : 0, "backends killed in a transaction");
}

void Nemesis::restart_server(Random&) {
  const std::lock_guard organ(server_);
  Fault fault = begin("PostgreSQL stops immediately and starts again");
  rig_.postgres().stop(testing::StopMode::kImmediate);
  const bool away = !rig_.postgres().running();
  rig_.clients().wait_acknowledged(100, kHitLimit);
  rig_.postgres().start();
  end(fault, away ? 1 : 0, "servers ended");
}

void Nemesis::change_table(Random&) {
  const std::lock_guard organ(server_);
  Fault fault = begin("a column NOT NULL that nothing fills");
  fault.refuses_rows = true;
  const auto refused = [this] {
    return std::stoull(rig_.postgres().value("SELECT count(*) FROM witness WHERE sqlstate = '23502'"));
  };
  const auto before = refused();
  rig_.postgres().query(
      "ALTER TABLE hookspool.events ADD COLUMN late integer NOT NULL DEFAULT 0;"
      "ALTER TABLE hookspool.events ALTER COLUMN late DROP DEFAULT");
  std::this_thread::sleep_for(kChangedTable);
  wait_until(kHitLimit, [&] { return refused() > before; });
  rig_.postgres().query("ALTER TABLE hookspool.events DROP COLUMN late");
  end(fault, refused() - before, "events refused with 23502");
}

void Nemesis::fill_disk(Random&) {
  const std::lock_guard organ(disk_);
  Fault fault = begin("the disk is full: every write ends with ENOSPC");
  const auto before = rig_.shim()->writes_failed.load();
  rig_.shim()->write_errno = ENOSPC;
  std::this_thread::sleep_for(kFullDisk);
  wait_until(kHitLimit, [&] { return rig_.shim()->writes_failed > before; });
  rig_.shim()->write_errno = 0;
  end(fault, rig_.shim()->writes_failed - before, "writes failed");
}

void Nemesis::fail_sync_and_cut_power(Random&) {
  const std::lock_guard organ(disk_);
  Fault fault = begin("a sync ends with EIO, and then the power is cut");
  const auto before = rig_.shim()->syncs_failed.load();
  rig_.shim()->syncs_to_fail = 1;
  wait_until(kHitLimit, [&] { return rig_.shim()->syncs_failed > before; });
  rig_.clients().wait_acknowledged(30, kHitLimit);
  std::uint64_t wiped = 0;
  {
    const std::lock_guard life(agent_);
    rig_.agent().kill();
    wiped = rig_.shim().wipe_lost();
    rig_.start_agent();
  }
  rig_.shim()->syncs_to_fail = 0;
  end(fault, rig_.shim()->syncs_failed - before,
      "syncs failed, " + std::to_string(wiped) + " bytes lost with the power");
}

void Nemesis::slow_disk(Random&) {
  const std::lock_guard organ(disk_);
  Fault fault = begin("every sync takes 300 ms");
  const auto before = rig_.shim()->syncs_delayed.load();
  rig_.shim()->sync_delay_ms = kSyncDelayMs;
  std::this_thread::sleep_for(kSlowDisk);
  wait_until(kHitLimit, [&] { return rig_.shim()->syncs_delayed > before; });
  rig_.shim()->sync_delay_ms = 0;
  end(fault, rig_.shim()->syncs_delayed - before, "syncs delayed");
}

void Nemesis::jump_clock(Random& random) {
  const std::lock_guard organ(disk_);
  const bool forward = random() % 2 == 0;
  Fault fault = begin(forward ? "the clock is a year ahead" : "the clock is a year behind");
  const auto before = rig_.shim()->clock_reads_moved.load();
  rig_.shim()->clock_offset_s = forward ? kYearSeconds : -kYearSeconds;
  std::this_thread::sleep_for(kMovedClock);
  wait_until(kHitLimit, [&] { return rig_.shim()->clock_reads_moved > before; });
  rig_.shim()->clock_offset_s = 0;
  end(fault, rig_.shim()->clock_reads_moved - before, "looks at the wrong clock");
}

}  // namespace hookspool::history
