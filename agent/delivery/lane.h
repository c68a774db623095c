// A lane: one source's events on their way to PostgreSQL, in order. One step is one delivery transaction. The lane chooses
// what comes next (look at the retained runs, repair, deliver, wait); its parts do it: LaneDelivery, AheadDelivery,
// RefusedBatch, RunHealer, RunRepairer, GapRecorder. LaneReport says how it is doing.
//
// Thread-safety: enqueue() and notify_waiter() are called by the journal's writer, step() and step_ahead() by one worker at
// a time (Lanes sees to that), everything else by any thread. A lane does not wait, but for the journal's sync, and
// briefly: when it cannot go on it says when to come back.
#pragma once

#include <atomic>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/base/admin_result.h"
#include "agent/base/repeated_lines.h"
#include "agent/delivery/ahead_delivery.h"
#include "agent/delivery/bury_request.h"
#include "agent/delivery/gap_recorder.h"
#include "agent/delivery/isolation.h"
#include "agent/delivery/lane_core.h"
#include "agent/delivery/lane_dead_letters.h"
#include "agent/delivery/lane_delivery.h"
#include "agent/delivery/lane_status.h"
#include "agent/delivery/lane_step.h"
#include "agent/delivery/pace.h"
#include "agent/delivery/plan.h"
#include "agent/delivery/refused_batch.h"
#include "agent/delivery/run_healer.h"
#include "agent/delivery/run_repairer.h"
#include "net/pg/delivery/delivery.h"
#include "net/pg/link/connection.h"

namespace hookspool::agent {

class Lane {
 public:
  using Step = LaneStep;

  Lane(std::string name, const LaneContext& context);
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  static constexpr std::size_t kAheadEventsMax = 64;

  const std::string& name() const { return core_.name(); }
  // A durable event. True: a thread waits for it and is to be notified (notify_waiter), without a lock held.
  bool enqueue(const EventPtr& event) { return ahead_.enqueue(event); }
  void notify_waiter() { ahead_.notify_waiter(); }
  Step step(net::Connection& connection);
  // The same with what the journal is about to sync, which is copied meanwhile and committed only after it has been handed
  // over as durable. Where the lane has anything else to do, or that takes long, nothing comes of it.
  Step step_ahead(net::Connection& connection, const std::vector<EventPtr>& coming);
  // A new connection may lead to a database that has lost commits: look at every retained run before going on. Also
  // after a change of the lane's table, which is then looked at before the next event.
  void uplink_came_up() { check_due_ = true; }
  // An administrator wants the watermark to be set right by comparing ids.
  void request_repair() { repairer_.request(); }
  // An administrator wants what the lane cannot pass to become a dead letter (BuryRequest).
  AdminResult<void> request_bury(std::size_t count, const std::optional<Uuid>& id);
  BuryRequest::Outcome wait_buried(TimeSource::TimePoint until) { return bury_request_.wait(until); }
  LaneStatus status() const;
  // What was counted instead of logged: of those intervals that are over, or all at the end.
  void close_logs(RepeatedLines::Clock::time_point now);
  void finish_logs();

 private:
  void begin_step();
  Step next_step(net::Connection& connection);
  StepFlow check_runs(net::Connection& connection);
  std::optional<storage::LaneRun> next_run() const;
  Step deliver(net::Connection& connection, const storage::LaneRun& run);
  Result<Plan, Step> look(net::DeliveryTransaction& transaction, const storage::LaneRun& run);
  // One for each Plan::Action.
  Step send(const Plan& plan, net::Connection& connection, net::DeliveryTransaction transaction,
            const storage::LaneRun& run);
  Step move_cursor(const net::DeliveryTransaction& transaction, const storage::LaneRun& run);
  Step go_back(const Plan& plan, net::Connection& connection, net::DeliveryTransaction transaction,
               const storage::LaneRun& run);
  Step skip_gap(const Plan& plan, net::Connection& connection, net::DeliveryTransaction transaction,
                const storage::LaneRun& run);
  Step hold(const Plan& plan, const net::DeliveryTransaction& transaction);
  StepFlow make_watermark(const Plan& plan, net::DeliveryTransaction& transaction);
  void follow_back(const net::DeliveryTransaction& transaction, const storage::LaneRun& run);

  LaneCore core_;
  Isolation isolation_;
  Pace pace_;
  BuryRequest bury_request_;
  LaneDeadLetters dead_letters_;
  GapRecorder gaps_;
  RefusedBatch refused_;
  LaneDelivery delivery_;
  AheadDelivery ahead_;
  RunHealer healer_;
  RunRepairer repairer_;
  std::atomic<bool> check_due_{true};
  std::set<Uuid> suspect_;  // of the step: epochs whose watermark is not where it was left
};

}  // namespace hookspool::agent
