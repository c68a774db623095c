// Puts a lane right by comparing ids instead of numbers: what is missing is put in, one batch a step. For a run whose
// numbers another journal uses as well (reconcile), and on an administrator's request (repair).
// Not thread-safe, but for request() and is_requested(): belongs to the lane's step.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "agent/delivery/gap_recorder.h"
#include "agent/delivery/lane_core.h"
#include "agent/delivery/lane_dead_letters.h"
#include "agent/delivery/lane_step.h"
#include "agent/delivery/run_walker.h"
#include "net/pg/delivery/delivery.h"

namespace hookspool::agent {

class RunRepairer {
 public:
  RunRepairer(LaneCore& core, LaneDeadLetters& dead_letters, GapRecorder& gaps)
      : core_(core), dead_letters_(dead_letters), gaps_(gaps) {}

  // An administrator wants the watermark to be set right by comparing ids; until repair() is done.
  void request() { requested_ = true; }
  bool is_requested() const { return requested_; }
  void uplink_came_up() { one_by_one_ = false; }

  // Goes through every retained run, puts in by id what is missing, and takes the watermark along. Each batch is a
  // transaction of its own; interrupted, it leaves a watermark that is behind, which a second repair corrects.
  LaneStep repair(net::Connection& connection);
  // The events of a run that another journal uses as well are proven by their ids; the watermark stays where its other
  // owner has it. The cursor remembers how far we are; losing it means comparing again.
  LaneStep reconcile(net::Connection& connection, net::DeliveryTransaction transaction,
                     const storage::LaneRun& run, const std::string& reason);

 private:
  StepFlow repair_run(net::Connection& connection, const storage::LaneRun& run);
  StepFlow settle_unseen(net::DeliveryTransaction& transaction, const storage::LaneRun& run);
  LaneStep done();
  StepFlow keep_refused(net::Connection& connection, const storage::LaneRun& run,
                        const std::vector<EventPtr>& batch, const net::PgError& error);
  RunWalker::Limits limits() const;

  LaneCore& core_;
  LaneDeadLetters& dead_letters_;
  GapRecorder& gaps_;
  std::atomic<bool> requested_{false};
  bool one_by_one_ = false;                    // a batch was refused: which event is it?
  std::size_t refused_in_a_row_ = 0;           // that became dead letters while comparing
  std::map<Uuid, std::uint64_t> repaired_to_;  // epoch -> number, while a repair is under way
  bool repaired_unseen_ = false;               // some of it without comparing
};

}  // namespace hookspool::agent
