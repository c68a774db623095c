// A lane's dead letters: counts and logs those that are made, and puts a row of them back when the table, and not the
// events, turns out to have been the reason.
// Not thread-safe, but for close_logs() and finish_logs(): belongs to the lane's step.
#pragma once

#include <string>

#include "agent/base/repeated_lines.h"
#include "agent/delivery/isolation.h"
#include "agent/delivery/lane_core.h"
#include "net/pg/link/connection.h"

namespace hookspool::agent {

class LaneDeadLetters {
 public:
  LaneDeadLetters(LaneCore& core, Isolation& isolation)
      : core_(core), isolation_(isolation), lines_("lane " + core.name(), "dead letter", "dead letters") {}

  // PostgreSQL has committed the event as a dead letter. `how`: of the log's line, between id and reason.
  void made(const StoredEvent& event, const std::string& how, const net::PgError& error);
  // Once in the agent's life: which dead letters an earlier life made in a row.
  net::PgResult<void> restore(net::Connection& connection);
  // Appends to the journal what was made in a row while the table took nothing. Before the batch that it takes again
  // is committed: an agent that ends in between puts them back twice, and the second finds no dead letter and is no row.
  net::PgResult<void> put_back(net::Connection& connection);

  void close_logs(RepeatedLines::Clock::time_point now) { lines_.close(now); }
  void finish_logs() { lines_.finish(); }

 private:
  LaneCore& core_;
  Isolation& isolation_;
  RepeatedLines lines_;
  bool restored_ = false;
};

}  // namespace hookspool::agent
