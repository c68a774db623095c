// Old rows of the events table, deleted by the function prune() of the database in small pieces (net/pg/tables/retention_schema.h).
// Thread-safe: no state of its own; the connection belongs to the caller.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "net/pg/link/connection.h"

namespace hookspool::net {

// How long one piece may take on the server, and how long its answer is waited for.
inline constexpr std::chrono::milliseconds kPruneTimeout{2'000};
inline constexpr std::chrono::milliseconds kPruneAnswerMax{3'000};

// The sources of an agent that have rows.
PgResult<std::vector<std::string>> feed_sources(Connection& connection, const PgOptions& options,
                                                const std::string& agent_id);

struct PruneRequest {
  std::string agent_id, source;
  std::chrono::milliseconds keep{};  // a day at least
  std::size_t rows_max = 0;          // that are looked at
  std::uint64_t after = 0;           // the number from which it goes on
};
struct Pruned {
  std::uint64_t deleted = 0;
  std::optional<std::uint64_t> reached{};  // there may be more after this number
  std::string held_by{};                   // the consumer that has not read what would go next; empty: none
};
// One piece, a transaction of its own, whose COMMIT waits for no disk and no standby: a piece that a crash undoes is deleted
// once more. A role that may not call prune(): kSetup with the GRANT as its hint. A piece that took too long: SQLSTATE 57014.
PgResult<Pruned> prune(Connection& connection, const PgOptions& options, const PruneRequest& request);

}  // namespace hookspool::net
