// A delivery that begins while the journal syncs: the transaction, the watermark's lock, the rows and its move cost about
// as much time as the sync. Only COMMIT waits for the journal to say that the rows are durable, and without it there is
// none. Not thread-safe: belongs to the lane's step, but for enqueue() and notify_waiter() (the journal's writer). What
// it is given outlives it.
#pragma once

#include <optional>
#include <vector>

#include "agent/delivery/durability_latch.h"
#include "agent/delivery/isolation.h"
#include "agent/delivery/lane_core.h"
#include "agent/delivery/lane_delivery.h"
#include "agent/delivery/lane_step.h"
#include "agent/delivery/pace.h"
#include "agent/delivery/refused_batch.h"

namespace hookspool::agent {

class AheadDelivery {
 public:
  AheadDelivery(LaneCore& core, const Isolation& isolation, const Pace& pace, RefusedBatch& refused,
                LaneDelivery& delivery)
      : core_(core), isolation_(isolation), pace_(pace), refused_(refused), delivery_(delivery) {}

  // A durable event, for the queue and for a delivery that waits for it. True: notify_waiter() is to be called, by a
  // thread that holds no lock that others need.
  bool enqueue(const EventPtr& event) {
    core_.live().enqueue(event);
    return durable_.publish(*event);
  }
  void notify_waiter() { durable_.notify(); }

  // The run that `coming` continues, if a delivery of it may begin now; nothing: it is left to the usual step.
  std::optional<storage::LaneRun> run_for(const std::vector<EventPtr>& coming) const;
  // REQUIRES: run_for(coming) has just answered `run`, and all of it that is durable is confirmed.
  LaneStep deliver(net::Connection& connection, const storage::LaneRun& run,
                   const std::vector<EventPtr>& coming);

 private:
  LaneCore& core_;
  const Isolation& isolation_;
  const Pace& pace_;
  RefusedBatch& refused_;
  LaneDelivery& delivery_;
  DurabilityLatch durable_;
  TimeSource::TimePoint not_before_{};  // after having waited in vain
};

}  // namespace hookspool::agent
