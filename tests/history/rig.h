// What a run is made of: a real PostgreSQL over TLS behind a proxy that can cut, the real agent with the fault shim,
// the clients, a witness inside PostgreSQL for dead letters, and a sampler of the watermarks. Everything lives in one
// folder, which keep() saves. Not thread-safe, except say(). Throws std::runtime_error.
#pragma once

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>

#include "tests/history/clients.h"
#include "tests/history/result.h"
#include "tests/history/sampler.h"
#include "tests/history/shim.h"
#include "tests/integration/system/agent_process.h"
#include "tests/support/cut_proxy.h"
#include "tests/support/pg_cluster.h"

namespace hookspool::history {

// The agent stands still although nothing is broken any more.
struct Stalled : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct RigOptions {
  std::string binary{};  // of the agent
  std::uint64_t seed = 0;
  bool with_standby = false;   // a second cluster that streams, for failovers
  std::string more_journal{};  // lines of [journal]
};

class Rig {
 public:
  explicit Rig(RigOptions options);  // everything runs, except the clients
  ~Rig();
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  void start_clients(const ClientsOptions& base = {});
  Clients& clients() { return *clients_; }
  void stop_clients();  // keeps what they were answered

  testing::PgCluster& postgres() { return *primary_; }
  testing::PgCluster* standby() { return standby_.get(); }
  void swap_primary();
  // In front of the first cluster; where there are two, the agent goes around it.
  testing::CutProxy& proxy() { return *proxy_; }
  testing::AgentProcess& agent() { return *agent_; }
  Shim& shim() { return *shim_; }
  Sampler& sampler() { return *sampler_; }
  const std::filesystem::path& folder() const { return folder_; }

  void start_agent();                 // a new life
  void say(const std::string& line);  // to standard output and to nemesis.log

  // Until nothing waits. Throws where nothing moves.
  void wait_idle();
  // All faults off and the clients at rest: until nothing waits. The dead letters are tried once more in between.
  void drain();
  // Everything the checker wants. REQUIRES: drain(). Stops the agent.
  Result collect(std::vector<Fault> faults);
  // Saves what is needed to understand a failure; the folder stays.
  std::filesystem::path keep(Result result);

 private:
  void make_tables();
  void note_unindexed();  // of the life that has ended
  std::string sources() const;

  const RigOptions options_;
  std::filesystem::path folder_;
  bool keep_ = false;
  std::mutex say_mutex_;
  std::ofstream nemesis_log_;
  std::chrono::steady_clock::time_point began_;
  std::unique_ptr<testing::PgCluster> primary_, standby_;
  std::mutex primary_mutex_;
  std::string primary_conninfo_;  // for the sampler; guarded by primary_mutex_
  std::unique_ptr<testing::CutProxy> proxy_;
  std::unique_ptr<Shim> shim_;
  std::unique_ptr<testing::AgentProcess> agent_;
  std::atomic<std::uint64_t> life_{0};
  std::int64_t life_began_us_ = 0;
  std::size_t life_log_begin_ = 0;  // in the agent's log
  std::vector<Unindexed> unindexed_;
  std::unique_ptr<Sampler> sampler_;
  std::unique_ptr<Clients> clients_;
  std::vector<Send> sends_;
};

}  // namespace hookspool::history
