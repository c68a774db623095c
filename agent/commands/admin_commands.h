// The administrator's commands: dead, quarantine, verify, replay, repair, retry, adopt. Each talks to the running agent
// over its Unix socket, prints its data to standard output and its troubles to standard error, and returns an exit code:
// 65 for what is not there (or, of verify, missing), 69 when no agent answers, 75 when PostgreSQL is needed and away. Not
// thread-safe: one a process.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/config/config.h"

namespace hookspool::agent {

// Where the agent is, and how to print.
struct AdminTarget {
  std::string socket;  // empty: the configuration's
  bool json = false;
};

struct DeadCommand {
  std::string source;
  std::vector<std::string> ids;
  bool all = false;
  std::uint64_t count = 1;
  int list(const Config& config, const AdminTarget& target) const;
  int show(const Config& config, const AdminTarget& target) const;
  int bury(const Config& config, const AdminTarget& target) const;
  int retry(const Config& config, const AdminTarget& target) const;
  int discard(const Config& config, const AdminTarget& target) const;
};

// What failed verification, where a source asks for it to be kept.
struct QuarantineCommand {
  std::string source;
  std::vector<std::string> ids;
  bool all = false;
  int list(const Config& config, const AdminTarget& target) const;
  int show(const Config& config, const AdminTarget& target) const;
  int verify(const Config& config, const AdminTarget& target) const;
  int discard(const Config& config, const AdminTarget& target) const;
};

struct CompareCommand {
  std::string source, since, until, id;  // empty: all
  bool repair = false;
  int verify(const Config& config, const AdminTarget& target) const;
  int replay(const Config& config, const AdminTarget& target) const;
};

int repair_lane(const Config& config, const AdminTarget& target, const std::string& lane);
int retry_now(const Config& config, const AdminTarget& target);
int adopt_database(const Config& config, const AdminTarget& target, const std::string& from);

}  // namespace hookspool::agent
