// What an administrator sees of a lane (/health, `hookspool status`). Plain values.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "agent/config/config.h"
#include "net/pg/tables/row_counts.h"
#include "storage/model/uuid.h"

namespace hookspool::agent {

struct LaneStatus {
  std::string name;
  std::string state;  // "online", "catching-up", "waiting", "held"
  std::uint64_t pending = 0;
  Uuid epoch;                       // of the run in hand
  std::uint64_t confirmed_seq = 0;  // in that run
  std::uint64_t last_seq = 0;
  std::string error, hint;  // the last failure while it lasts
  std::string sqlstate;
  bool may_quote = false;  // `error` may quote an event (PgError::may_quote)
  Uuid refused_id;      // the event that PostgreSQL refuses and that the lane cannot pass; nil: none is known
  net::RowCounts rows;  // since the start
  unsigned tries_failed = 0;  // in a row
  milliseconds next_try_in{0};
  // A lane that waits and has failed this often in a row is logged, and no longer counts as catching up.
  static constexpr unsigned kTriesBeforeStuck = 3;
  bool stuck() const {
    return state == "held" || (state == "waiting" && !error.empty() && tries_failed >= kTriesBeforeStuck);
  }
};

}  // namespace hookspool::agent
