// One delivery transaction of a lane, from the first row to what follows its COMMIT: reads the batch slice by slice, copies
// it, commits, moves the journal's cursor and counts. What PostgreSQL does not take goes to RefusedBatch.
// Not thread-safe: belongs to the lane's step. What it is given outlives it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "agent/delivery/delivery_batch.h"
#include "agent/delivery/gap_recorder.h"
#include "agent/delivery/isolation.h"
#include "agent/delivery/lane_core.h"
#include "agent/delivery/lane_dead_letters.h"
#include "agent/delivery/lane_step.h"
#include "agent/delivery/pace.h"
#include "agent/delivery/refused_batch.h"
#include "net/pg/delivery/delivery.h"

namespace hookspool::agent {

class LaneDelivery {
 public:
  using TimePoint = TimeSource::TimePoint;

  LaneDelivery(LaneCore& core, Isolation& isolation, Pace& pace, RefusedBatch& refused,
               LaneDeadLetters& dead_letters, GapRecorder& gaps)
      : core_(core),
        isolation_(isolation),
        pace_(pace),
        refused_(refused),
        dead_letters_(dead_letters),
        gaps_(gaps) {}

  // Sends what follows transaction.position() in the run.
  LaneStep send(net::Connection& connection, net::DeliveryTransaction transaction,
                const storage::LaneRun& run);
  // Commits a transaction that holds the batch. `began`: for the pace and the figures.
  LaneStep commit(net::Connection& connection, net::DeliveryTransaction transaction,
                  const storage::LaneRun& run, const DeliveryBatch& batch, TimePoint began);

 private:
  net::PgResult<void> copy(net::DeliveryTransaction& transaction, const storage::LaneRun& run,
                           TimePoint began, DeliveryBatch& batch);
  storage::JournalResult<void> next_slice(const storage::LaneRun& run, std::uint64_t from_seq,
                                          std::size_t events_max, DeliveryBatch& batch);
  void account(const DeliveryBatch& batch, TimePoint began);

  LaneCore& core_;
  Isolation& isolation_;
  Pace& pace_;
  RefusedBatch& refused_;
  LaneDeadLetters& dead_letters_;
  GapRecorder& gaps_;
};

}  // namespace hookspool::agent
