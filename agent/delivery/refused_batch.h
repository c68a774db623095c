// What a lane does with rows that PostgreSQL does not take: it finds the one event by bisecting (Isolation), finds out
// whether the event or the table is the reason, by trying others that wait behind it (ProofSearch), and makes it a
// dead letter or holds the lane.
// Not thread-safe, but for close_logs() and finish_logs(): belongs to the lane's step. What it is given outlives it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "agent/base/repeated_lines.h"
#include "agent/delivery/bury_request.h"
#include "agent/delivery/delivery_batch.h"
#include "agent/delivery/isolation.h"
#include "agent/delivery/lane_core.h"
#include "agent/delivery/lane_dead_letters.h"
#include "agent/delivery/lane_step.h"
#include "agent/delivery/pace.h"
#include "agent/delivery/proof_search.h"

namespace hookspool::agent {

class RefusedBatch {
 public:
  RefusedBatch(LaneCore& core, Isolation& isolation, Pace& pace, BuryRequest& request,
               LaneDeadLetters& dead_letters);

  // The transaction with these rows was rolled back, or its connection is gone.
  LaneStep not_taken(net::Connection& connection, const storage::LaneRun& run, const DeliveryBatch& batch,
                     const net::PgError& error);
  // The connection was lost with these rows on their way. `id`: of the event, where `count` is 1.
  LaneStep connection_lost(const storage::LaneRun& run, std::uint64_t first_seq, std::size_t count,
                           const Uuid& id, const net::PgError& error);
  // The lane is about to send what begins at `first_seq`. True: prove() is to be called instead.
  bool wants_proof(const storage::LaneRun& run, std::uint64_t first_seq);
  // Tries events behind the refused one, and makes that a dead letter if one of them is taken.
  // REQUIRES: wants_proof() has just said so; no transaction is open.
  LaneStep prove(net::Connection& connection, const storage::LaneRun& run);
  // A batch up to `last_seq` was committed.
  void delivered(const storage::LaneRun& run, std::uint64_t last_seq);

  void close_logs(RepeatedLines::Clock::time_point now) { fewer_lines_.close(now); }
  void finish_logs() { fewer_lines_.finish(); }

 private:
  // An event that was refused alone.
  struct Refused {
    Uuid epoch;
    std::uint64_t seq = 0;
    Uuid id;
    Isolation::Blame blame = Isolation::Blame::kEvent;
    net::PgError error;
  };

  LaneStep refused(net::Connection& connection, const storage::LaneRun& run, const DeliveryBatch& batch,
                   const net::PgError& error);
  LaneStep bury(net::Connection& connection, const storage::LaneRun& run, const EventPtr& event,
                const net::PgError& error, bool control);
  Result<EventPtr, LaneStep> head_of(const storage::LaneRun& run, std::uint64_t seq);
  LaneStep try_behind(net::DeliveryTransaction transaction, net::Connection& connection,
                      const storage::LaneRun& run, const EventPtr& event);
  LaneStep unproven();
  LaneStep held_by_event(const net::PgError& error);
  void note_refused(Refused refused);
  void passed();

  LaneCore& core_;
  Isolation& isolation_;
  Pace& pace_;
  BuryRequest& request_;
  LaneDeadLetters& dead_letters_;
  ProofSearch search_;
  RepeatedLines fewer_lines_;
  std::optional<Refused> refusal_;  // the last, while the lane has not passed it
  bool proving_ = false;            // the lane waits for another event to be taken
};

}  // namespace hookspool::agent
