// A journal with all the events of a long outage in it, for the rows that are about one. It is filled once for all of them.
// Throws std::runtime_error.
#pragma once

#include <cstdint>
#include <filesystem>

#include "tests/bench/rig.h"

namespace hookspool::bench {

class Waiting {
 public:
  explicit Waiting(std::uint64_t events);  // fills it

  // An agent on it, not started. One at a time.
  testing::AgentProcess agent(const std::string& conninfo = "") const;
  const std::filesystem::path& journal() const { return journal_; }

 private:
  testing::TempFolder folder_{"hookspool-waiting"};
  std::filesystem::path journal_ = folder_ / "journal";
};

}  // namespace hookspool::bench
