// What each consumer of the events table still has before it, feed by feed: the view consumer_lag, read.
// Thread-safe: no state of its own; the connection belongs to the caller.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "net/pg/link/connection.h"

namespace hookspool::net {

struct ConsumerLag {
  std::string consumer, source, agent_id;
  std::uint64_t arrival = 0;                     // the number of the last row that is done
  std::uint64_t waiting = 0;                     // rows
  std::optional<std::uint64_t> oldest_age_ms{};  // since the oldest of them was received; nothing waits: none
  std::uint64_t skipped = 0;                     // events
  std::uint64_t lost = 0;                        // rows that had been deleted
  std::optional<std::uint64_t> backoff_ms{};     // after a failure: until it goes on
};
// By consumer, source and agent. Where the schema is not there, or older: an error with SQLSTATE 42P01 or 3F000.
PgResult<std::vector<ConsumerLag>> read_consumer_lag(Connection& connection, const PgOptions& options);

// A consumer over all feeds of one agent.
struct ConsumerTotal {
  std::string consumer;
  std::uint64_t waiting = 0;                     // rows
  std::optional<std::uint64_t> oldest_age_ms{};  // as above
  std::uint64_t skipped = 0;                     // events
  std::uint64_t lost = 0;                        // rows
};
struct ConsumerTotals {
  std::uint64_t consumers = 0;         // all of them
  std::vector<ConsumerTotal> first{};  // by name
};
struct ConsumerQuestion {
  std::string agent_id;
  std::size_t consumers_max = 0;  // in `first`
  std::chrono::milliseconds statement_max{0};
};
// In a transaction of its own that only reads.
PgResult<ConsumerTotals> read_consumer_totals(Connection& connection, const PgOptions& options,
                                              const ConsumerQuestion& question, Deadline deadline);

}  // namespace hookspool::net
