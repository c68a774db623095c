// What breaks things. Each fault takes place on one organ (the agent's life, the line, the server, the disk), and says
// with a count of the injector that it really hit. One fault an organ at a time; organs are independent, so faults of
// different organs may be alive at once. Thread-safe in that sense. Throws std::runtime_error where the machine itself
// does not do as ordered (a server that does not start).
#pragma once

#include <functional>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "tests/history/result.h"
#include "tests/history/rig.h"

namespace hookspool::history {

using Random = std::mt19937_64;

class Nemesis {
 public:
  explicit Nemesis(Rig& rig) : rig_(rig) {}

  // The agent's life.
  void kill_agent(Random& random);
  void terminate_agent(Random& random);
  // The line to PostgreSQL.
  void reset_in_copy(Random& random);
  void lose_commit_answer(Random& random);
  void blackhole(Random& random);
  // The server.
  void stop_backend(Random& random);  // a zombie: stopped in its transaction, and it goes on later
  void kill_backend(Random& random);  // SIGKILL: all of the server starts over
  void restart_server(Random& random);
  void change_table(Random& random);
  // The disk, and the clock.
  void fill_disk(Random& random);
  void fail_sync_and_cut_power(Random& random);
  void slow_disk(Random& random);
  void jump_clock(Random& random);
  // Databases that lose commits.
  void fail_over(Random& random);  // asynchronous, with a standby; the old primary comes back for a while
  void restore_server(Random& random);
  // Journals that come back, are copied, or are gone.
  void restore_journal(Random& random);
  void clone_journal(Random& random);
  void reinstall(Random& random);

  std::vector<Fault> faults() const;
  // Everything that may still be on is off.
  void calm();

 private:
  Fault begin(const std::string& name);
  void end(Fault fault, std::uint64_t hits, const std::string& proof);
  void kill_and_start();
  void stop_clients_and_agent();
  int backend_in_transaction() const;

  Rig& rig_;
  std::mutex agent_, line_, server_, disk_;  // organs
  mutable std::mutex faults_mutex_;
  std::vector<Fault> faults_;
};

}  // namespace hookspool::history
