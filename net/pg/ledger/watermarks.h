// Looking at the bookkeeping outside a delivery: how far each run of a lane is, and which database this is.
// Thread-safe: no state of its own; the connection belongs to the caller.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "net/pg/link/connection.h"
#include "storage/model/event.h"

namespace hookspool::net {

// Without a lock, so only good for noticing that a closer look is due.
PgResult<std::vector<std::pair<Uuid, Position>>> read_watermarks(Connection& connection,
                                                                 const PgOptions& options,
                                                                 const std::string& agent_id,
                                                                 const std::string& lane);

// Which database this is, and on which course of its history.
struct SinkIdentity {
  std::string sink_id;  // hookspool.sink: made once in each database, goes along with a restore or a standby
  std::string system_identifier;  // of the cluster; empty where the server does not tell
  std::string started_at;         // the server's start: a restart may have been a restore; empty: unknown
  std::uint64_t timeline = 0;     // grows with each promotion (pg_control_checkpoint()); 0: unknown
  bool operator==(const SinkIdentity&) const = default;
};
PgResult<SinkIdentity> read_identity(Connection& connection, const PgOptions& options);

}  // namespace hookspool::net
