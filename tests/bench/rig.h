// What the rows are measured with: how long and how large, where things are, and the servers that they compare. Not
// thread-safe. Throws std::runtime_error where something does not start.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/bench/wrk.h"
#include "tests/integration/system/agent_process.h"
#include "tests/support/pg_cluster.h"

namespace hookspool::bench {

inline constexpr int kConnections = 64;
inline constexpr double kMebibyte = 1 << 20;

// Sizes of a run. The goals are stated for those of a whole run; where a quick one takes fewer events, its rows say so.
struct Sizes {
  bool quick = false;
  int rounds = 5;
  std::chrono::seconds round{5};
  std::chrono::seconds warm_up{2};
  std::chrono::seconds sustained{60};
  std::chrono::seconds mark{10};  // between two looks at the backlog
  std::chrono::seconds probe{10};
  int drain_rounds = 3;
  std::uint64_t drain_events = 1'000'000;
  std::uint64_t waiting_events = 10'000'000;
  std::chrono::seconds waiting_drain{60};
  int single_events = 300;  // of what happens ten times a second
  std::chrono::seconds idle{60};
  int starts = 3;

  static Sizes quick_look();
};

// A server that answers POST /hooks/..., as a child process on a port of its own.
class Server {
 public:
  Server(const testing::ProcessOptions& options, int port);  // returns when it answers /readyz
  ~Server();                                                 // SIGTERM first: some have children
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  int port() const { return port_; }

 private:
  int port_;
  testing::Process process_;
};

// The same HTTP library with a handler that does nothing.
std::unique_ptr<Server> start_empty_handler();

// PostgreSQL over TLS that keeps its promises, sized for a small machine that it shares.
std::unique_ptr<testing::PgCluster> start_postgres();

// The agent that is measured: the one of this build, or the one that HOOKSPOOL_AGENT names, to compare two builds.
std::string agent_binary();

struct AgentSetup {
  std::string conninfo{};           // empty: journal-only
  std::filesystem::path journal{};  // empty: one of its own
  std::string agent_id{};
  std::string more_journal{};
};
// With room for hours of load; otherwise as it is by default.
testing::AgentOptions agent_options(const AgentSetup& setup = {});

// What each thread of a process has had of the processors, in seconds, by the thread's name.
std::map<std::string, double> processor_seconds(pid_t pid);

// Puts a journal's files, which no process has open, out of the page cache: reading them reads the disk.
void make_cold(const std::filesystem::path& journal);

// A field of /proc/PID/status in bytes, like "VmRSS" or "VmHWM", the greatest VmRSS there was.
std::uint64_t status_bytes(pid_t pid, const std::string& field);

// A long measurement's progress, on stderr.
void say(const std::string& text);

}  // namespace hookspool::bench
