// The checker's side of the fault shim: its control file, and the wiping of what a power cut would take. Thread-safe,
// except wipe_lost(), which wants the agent dead. Throws std::runtime_error.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "tests/history/shim_control.h"

namespace hookspool::history {

class Shim {
 public:
  explicit Shim(const std::filesystem::path& control_file);
  ~Shim();
  Shim(const Shim&) = delete;
  Shim& operator=(const Shim&) = delete;

  std::map<std::string, std::string> env() const;  // for the agent
  ShimControl* operator->() { return control_; }
  void calm();  // nothing is asked for any more; counters stay

  // The power cut after a failed sync: zeroes what only the page cache had. The bytes wiped.
  std::uint64_t wipe_lost();

 private:
  const std::filesystem::path file_;
  ShimControl* control_;
};

}  // namespace hookspool::history
