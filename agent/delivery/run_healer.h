// Delivers events that PostgreSQL has recorded as lost (the table of gaps) and that the journal holds after all, because
// a segment came back or could be read again. They go in under their own numbers, the record and the rows in one
// transaction.
// Not thread-safe, but for close_logs() and finish_logs(): belongs to the lane's step.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "agent/base/repeated_lines.h"
#include "agent/delivery/lane_core.h"
#include "agent/delivery/lane_dead_letters.h"
#include "agent/delivery/lane_step.h"
#include "net/pg/delivery/delivery.h"
#include "net/pg/ledger/ledger.h"

namespace hookspool::agent {

class RunHealer {
 public:
  RunHealer(LaneCore& core, LaneDeadLetters& dead_letters)
      : core_(core),
        dead_letters_(dead_letters),
        lines_("lane " + core.name(), "event stays recorded as lost", "events stay recorded as lost") {}

  // One batch a step. Goes on once all that is retained has been looked at.
  StepFlow heal(net::Connection& connection);

  void close_logs(RepeatedLines::Clock::time_point now) { lines_.close(now); }
  void finish_logs() { lines_.finish(); }

 private:
  StepFlow heal_gap(net::Connection& connection, const storage::LaneRun& run, const net::Gap& gap);
  LaneStep heal_batch(net::Connection& connection, const storage::LaneRun& run, std::vector<EventPtr> batch);
  LaneStep keep_as_dead_letter(net::Connection& connection, const storage::LaneRun& run,
                               const StoredEvent& event, const net::PgError& refusal);
  LaneStep looked_at(const storage::LaneRun& run, std::uint64_t last_seq);

  LaneCore& core_;
  LaneDeadLetters& dead_letters_;
  RepeatedLines lines_;
  std::map<Uuid, std::uint64_t> healed_to_;  // epoch -> number, while gaps are gone through
  bool one_by_one_ = false;                  // a batch was refused: which event is it?
};

}  // namespace hookspool::agent
