// Child processes of a test. A child dies with the test program, whatever ends that: none is left behind.
// Not thread-safe, but children may be started from any thread. Throws std::runtime_error when it cannot
// start one.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace hookspool::testing {

struct ProcessOptions {
  std::vector<std::string> argv{};                          // argv[0] is looked up in PATH
  std::map<std::string, std::optional<std::string>> env{};  // added to ours; nullopt removes
  std::filesystem::path output{};                           // stdout and stderr, appended; empty: /dev/null
  std::filesystem::path working_folder{};                   // empty: ours
  std::string user{};                                       // run as this user; empty: as we are
  int passed_fd = -1;                                       // becomes the child's descriptor 3
  int death_signal = 9;                                     // what the child gets when the test program dies
};

// How a child ended.
struct ExitStatus {
  int code = -1;   // exit code, or -1 if a signal ended it
  int signal = 0;  // that signal
  bool operator==(const ExitStatus&) const = default;
};

class Process {
 public:
  explicit Process(const ProcessOptions& options);
  ~Process();  // SIGKILL, and waits for it
  Process(Process&&) noexcept;
  Process& operator=(Process&&) = delete;

  pid_t pid() const { return pid_; }
  bool running();
  void signal(int number);  // nothing once it has ended
  // How it ended; nullopt if it has not within `limit`.
  std::optional<ExitStatus> wait(std::chrono::milliseconds limit);
  void kill();  // SIGKILL and reap

 private:
  pid_t pid_ = -1;
  std::optional<ExitStatus> status_;
};

struct Captured {
  ExitStatus status;
  std::string output;  // stdout and stderr together
};

// Runs a command to its end (killed at `limit`; then status.signal is 9).
Captured run_and_capture(ProcessOptions options, std::chrono::milliseconds limit = std::chrono::seconds(60));

// Like run_and_capture, but throws with the output unless the command succeeds.
std::string run_checked(ProcessOptions options, std::chrono::milliseconds limit = std::chrono::seconds(60));

}  // namespace hookspool::testing
