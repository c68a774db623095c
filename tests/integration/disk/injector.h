// System calls of a running process that fail or wait, by strace(1) attached to it: the process and its files
// are real, only the kernel's answer is not. Not thread-safe. Throws std::runtime_error when strace cannot be
// attached.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/temp_folder.h"

namespace hookspool::testing {

struct Injection {
  std::string thread{};             // only the thread of this name; empty: all
  std::vector<std::string> faults;  // "fdatasync:error=EIO:when=1", see strace(1)
  std::vector<std::filesystem::path> only_files{};
};

class Injector {
 public:
  Injector(pid_t process, const Injection& injection);  // returns when it is attached
  ~Injector();                                          // detaches: what waits, goes on
  Injector(const Injector&) = delete;
  Injector& operator=(const Injector&) = delete;

  std::uint64_t hits() const;  // calls that were tampered with so far
  void wait_hits(std::uint64_t least) const;
  // Until a thread is held in a delayed call: a hit counts only when its delay is over.
  void wait_delayed() const;

 private:
  const pid_t process_;
  std::vector<pid_t> threads_;
  TempFolder folder_{"hookspool-strace"};
  std::unique_ptr<Process> strace_;
};

// The ids of a process's threads, of those with this name if it is not empty.
std::vector<pid_t> threads_of(pid_t process, const std::string& name = {});

}  // namespace hookspool::testing
