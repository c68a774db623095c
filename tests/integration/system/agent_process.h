// The real agent as a child process: its configuration, its journal, its life and death. Stays on its ports
// over restarts, so that senders find it again. Not thread-safe, but health() and log() may be called from
// any thread while no other member runs. Throws std::runtime_error with the agent's log when it does not do
// as ordered.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/temp_folder.h"

namespace hookspool::testing {

// The path of the hookspool under test: $HOOKSPOOL_TEST_AGENT if that is set (./dev test drives an agent built with a
// sanitizer by tests built without), else the one that was built with the tests.
std::string agent_binary();

// True if it may be built with a sanitizer: what it keeps resident is then mostly the sanitizer's.
bool agent_may_be_sanitized();

struct AgentOptions {
  std::string binary;              // path of hookspool
  std::string conninfo;            // empty: journal-only
  std::string agent_id;            // empty: made by the agent
  std::string more_intake;         // further lines of [intake]
  std::string more_postgres;       // further lines of [postgres]
  std::string more_journal;        // further lines of [journal]
  std::string sources;             // whole [sources.NAME] tables; empty: any POST /hooks/<name>
  std::filesystem::path journal;   // empty: a folder of its own
  std::vector<std::string> under;  // words before the command line, of a program that becomes it by exec
  std::map<std::string, std::optional<std::string>> env{};  // added to the agent's
  int passed_fd = -1;                                       // becomes its descriptor 3
  bool intake_tls = false;  // more_intake says so: /readyz of the admin listener is asked instead
  int intake_port = 0;      // 0: any free one
  int admin_port = 0;
};

class AgentProcess {
 public:
  explicit AgentProcess(AgentOptions options);  // writes the configuration; does not start

  void start();   // returns when /readyz says yes
  void launch();  // starts and does not wait
  void wait_ready(std::chrono::milliseconds limit = std::chrono::seconds(30));
  void kill();  // SIGKILL, reaped
  // SIGTERM, and how it ended. Throws if it has not within `limit`.
  ExitStatus terminate(std::chrono::milliseconds limit = std::chrono::seconds(30));
  // How it ended by itself; nullopt if it has not within `limit`.
  std::optional<ExitStatus> wait_end(std::chrono::milliseconds limit);
  bool running();
  pid_t pid() const;

  int intake_port() const { return intake_port_; }
  int admin_port() const { return admin_port_; }
  const std::filesystem::path& journal() const { return journal_; }
  const std::filesystem::path& config_file() const { return config_file_; }
  AgentOptions& options() { return options_; }  // takes effect with the next start, or with:
  void write_config() const;                    // so that a reload finds it
  std::string log() const;                      // stderr of all its lives
  std::size_t resident_bytes() const;           // VmRSS

  // GET /health of the admin listener; empty if there is no answer.
  std::string health() const;
  // One value of it by JSON pointer ("/journal/pending"): a string as it is, anything else as JSON; empty if
  // absent.
  std::string health(const std::string& pointer) const;
  // The same as a number; -1 if absent.
  long long health_number(const std::string& pointer) const;

  // Until /health says this mode, or that nothing is pending and the line to PostgreSQL is up.
  void wait_mode(const std::string& mode, std::chrono::milliseconds limit = std::chrono::seconds(30)) const;
  void wait_caught_up(std::chrono::milliseconds limit = std::chrono::seconds(60)) const;

 private:
  std::string log_tail() const;

  AgentOptions options_;
  TempFolder folder_{"hookspool-agent"};
  std::filesystem::path journal_;
  std::filesystem::path config_file_;
  std::filesystem::path log_file_;
  int intake_port_;
  int admin_port_;
  std::unique_ptr<Process> process_;
};

}  // namespace hookspool::testing
