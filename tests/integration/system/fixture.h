// What the tests of the whole agent share: how it is set up, and what is expected at the end of each.
#pragma once

#include <gtest/gtest.h>

#include <iostream>
#include <string>

#include "tests/integration/system/agent_process.h"
#include "tests/integration/system/history_check.h"
#include "tests/integration/system/load.h"
#include "tests/support/pg_cluster.h"

namespace hookspool::testing {

// A load that a fault falls into must be one: acknowledged events before it, and as many after it.
inline constexpr std::uint64_t kAcknowledgedBeforeFault = 300;

// Short waits, so that an outage costs a test milliseconds and a silent server two seconds.
inline AgentOptions agent_options(const std::string& conninfo) {
  AgentOptions options;
  options.binary = agent_binary();
  options.conninfo = conninfo;
  options.more_postgres =
      "backoff_min = \"20ms\"\nbackoff_max = \"500ms\"\nconnect_timeout = \"2s\"\nstatement_timeout = "
      "\"2s\"\n"
      "idle_in_transaction_session_timeout = \"2s\"\n";
  options.more_journal = "min_free_bytes = \"16MiB\"\n";
  return options;
}

// What /health tells an administrator to do: of the line to PostgreSQL, else of the first lane that says something.
inline std::string hint_of(const AgentProcess& agent) {
  std::string hint = agent.health("/postgres/last_error/hint");
  for (int lane = 0; hint.empty() && !agent.health("/lanes/" + std::to_string(lane)).empty(); ++lane) {
    hint = agent.health("/lanes/" + std::to_string(lane) + "/hint");
  }
  return hint;
}

inline void expect_kept(const Verdict& verdict) {
  std::cout << verdict.text() << '\n';
  EXPECT_TRUE(verdict.kept()) << verdict.text();
}

}  // namespace hookspool::testing
