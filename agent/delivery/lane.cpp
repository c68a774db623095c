#include "agent/delivery/lane.h"

#include <algorithm>
#include <utility>

#include "agent/base/log.h"
#include "net/pg/ledger/watermarks.h"
#include "net/pg/tables/target_check.h"

namespace hookspool::agent {

Lane::Lane(std::string name, const LaneContext& context)
    : core_(std::move(name), context),
      pace_(core_.config().batch_events_max),
      dead_letters_(core_, isolation_),
      gaps_(core_),
      refused_(core_, isolation_, pace_, bury_request_, dead_letters_),
      delivery_(core_, isolation_, pace_, refused_, dead_letters_, gaps_),
      ahead_(core_, isolation_, pace_, refused_, delivery_),
      healer_(core_, dead_letters_),
      repairer_(core_, dead_letters_, gaps_) {}

void Lane::begin_step() {
  core_.begin_step();
  pace_.set_most(core_.config().batch_events_max);
  isolation_.set_hold_after(core_.config().hold_after);
}

Lane::Step Lane::step(net::Connection& connection) {
  begin_step();
  return next_step(connection);
}

Lane::Step Lane::step_ahead(net::Connection& connection, const std::vector<EventPtr>& coming) {
  begin_step();
  const bool anything_else =
      check_due_ || repairer_.is_requested() || !suspect_.empty() || next_run().has_value();
  const auto run = anything_else ? std::nullopt : ahead_.run_for(coming);
  if (run) return ahead_.deliver(connection, *run, coming);
  return anything_else || next_run() ? next_step(connection) : Step{};
}

Lane::Step Lane::next_step(net::Connection& connection) {
  if (check_due_.exchange(false)) {
    if (auto checking = check_runs(connection); checking.is_over()) {
      check_due_ = true;  // it goes on until there is nothing more to do
      return std::move(checking).result();
    }
  }
  if (repairer_.is_requested()) {
    Step step = repairer_.repair(connection);
    if (!repairer_.is_requested()) suspect_.clear();
    return step;
  }
  auto run = next_run();
  if (!run) {
    // Caught up. What is committed from here on is handed over; what slipped in between is found by the gap.
    core_.live().open();
    run = next_run();
    if (!run) {
      core_.report().succeeded(true);
      bury_request_.end();
      return {};
    }
  }
  return deliver(connection, *run);
}

// After a (re)connection: is every retained run still where it was left? A run that is not gets a closer look.
StepFlow Lane::check_runs(net::Connection& connection) {
  repairer_.uplink_came_up();
  pace_.uplink_came_up();
  const auto& options = core_.config().options;
  auto& journal = core_.journal();
  const auto watermarks = net::read_watermarks(connection, options, journal.agent_id(), name());
  if (!watermarks) return core_.failed(watermarks.error());
  // A table that takes nothing is named before the first event rather than by it.
  const auto target = net::check_target(connection, options, name());
  if (!target) return core_.failed(target.error());
  const auto restored = dead_letters_.restore(connection);
  if (!restored) return core_.failed(restored.error());
  suspect_.clear();
  for (const auto& run : journal.runs(name())) {
    if (run.confirmed.seq == 0 || run.first_seq > run.last_seq) continue;
    const auto found = std::find_if(watermarks->begin(), watermarks->end(),
                                    [&](const auto& watermark) { return watermark.first == run.epoch; });
    if (found == watermarks->end() || found->second.seq < run.confirmed.seq) suspect_.insert(run.epoch);
  }
  return healer_.heal(connection);
}

// The oldest run with something to send: an epoch is finished before the next one begins, which keeps the order.
std::optional<storage::LaneRun> Lane::next_run() const {
  for (const auto& run : core_.journal().runs(name())) {
    const bool pending = run.first_seq <= run.last_seq && run.last_seq > run.confirmed.seq;
    if (pending || (suspect_.contains(run.epoch) && run.first_seq <= run.last_seq)) return run;
  }
  return std::nullopt;
}

Lane::Step Lane::deliver(net::Connection& connection, const storage::LaneRun& run) {
  auto transaction = core_.begin(connection, run, false);
  if (!transaction) return core_.failed(transaction.error());
  const auto plan = look(*transaction, run);
  if (!plan) return plan.error();
  if (plan->action != Plan::Action::kHold) suspect_.erase(run.epoch);
  switch (plan->action) {
    case Plan::Action::kSend:
      return send(*plan, connection, std::move(*transaction), run);
    case Plan::Action::kMoveCursor:
      return move_cursor(*transaction, run);
    case Plan::Action::kGoBack:
      return go_back(*plan, connection, std::move(*transaction), run);
    case Plan::Action::kSkipGap:
      return skip_gap(*plan, connection, std::move(*transaction), run);
    case Plan::Action::kReconcile:
      return repairer_.reconcile(connection, std::move(*transaction), run, plan->reason);
    case Plan::Action::kHold:
      break;
  }
  return hold(*plan, *transaction);
}

// Gathers what the plan needs. The watermark's row is locked from begin() on, so the answer stays true.
Result<Plan, Lane::Step> Lane::look(net::DeliveryTransaction& transaction, const storage::LaneRun& run) {
  PlanFacts facts{transaction.watermark(), run.confirmed, run.first_seq, run.last_seq, std::nullopt, false};
  const auto& watermark = facts.watermark;
  if (watermark && watermark->seq > run.confirmed.seq && watermark->seq >= run.first_seq &&
      watermark->seq <= run.last_seq) {
    auto own = core_.journal().read(name(), run.epoch, watermark->seq, 1, 1);
    if (own) {
      facts.own_id_at_watermark = own->front()->id;
    } else if (own.error().kind == storage::JournalError::Kind::kCorrupt) {
      // Our event there cannot be compared. PostgreSQL has one, or a gap was recorded over it: believed.
      facts.own_id_at_watermark = watermark->id;
    } else {
      return fail(core_.failed(own.error()));
    }
  }
  if (needs_rows_above(facts)) {
    auto above = transaction.rows_above(watermark ? watermark->seq : 0, watermark ? watermark->id : Uuid{});
    if (!above) return fail(core_.failed(above.error()));
    facts.rows_above_watermark = *above;
  }
  return make_plan(facts);
}

Lane::Step Lane::send(const Plan& plan, net::Connection& connection, net::DeliveryTransaction transaction,
                      const storage::LaneRun& run) {
  if (auto making = make_watermark(plan, transaction); making.is_over()) return std::move(making).result();
  return delivery_.send(connection, std::move(transaction), run);
}

// The events had been committed, and the answer was lost.
Lane::Step Lane::move_cursor(const net::DeliveryTransaction& transaction, const storage::LaneRun& run) {
  const Position found = *transaction.watermark();
  core_.figures().found_committed += found.seq - run.confirmed.seq;
  core_.journal().confirm(name(), run.epoch, found);
  core_.report().succeeded(false);
  return Step::more();
}

Lane::Step Lane::go_back(const Plan& plan, net::Connection& connection, net::DeliveryTransaction transaction,
                         const storage::LaneRun& run) {
  log_error("lane " + name() + ": " + plan.reason);
  if (auto making = make_watermark(plan, transaction); making.is_over()) return std::move(making).result();
  follow_back(transaction, run);
  core_.figures().sent_again += plan.count;
  return delivery_.send(connection, std::move(transaction), run);
}

Lane::Step Lane::skip_gap(const Plan& plan, net::Connection& connection, net::DeliveryTransaction transaction,
                          const storage::LaneRun& run) {
  log_error("lane " + name() + ": " + plan.reason);
  if (auto making = make_watermark(plan, transaction); making.is_over()) return std::move(making).result();
  follow_back(transaction, run);
  if (const auto skipped = gaps_.skip_unretained(transaction, run); !skipped)
    return core_.failed(skipped.error());
  return delivery_.send(connection, std::move(transaction), run);
}

Lane::Step Lane::hold(const Plan& plan, const net::DeliveryTransaction& transaction) {
  return core_.held(
      {.text = plan.reason,
       .hint = "hookspool repair " + name() +
               (transaction.comparable()
                    ? " compares the events by id, puts in what is missing and sets the watermark right"
                    : " sets the watermark to what the journal knows as confirmed, and sends nothing: its "
                      "table has no ids to compare")});
}

StepFlow Lane::make_watermark(const Plan& plan, net::DeliveryTransaction& transaction) {
  if (!plan.create) return StepFlow::go_on();
  const auto created = transaction.create_watermark();
  if (!created) return core_.failed(created.error());
  // Another process made the row meanwhile and moved it: look again.
  if (!transaction.watermark() || transaction.watermark()->seq != 0) return Step::more();
  return StepFlow::go_on();
}

// PostgreSQL has less than was confirmed. The cursor follows before anything is sent: nothing above it may be dropped from
// here on, whatever becomes of this transaction.
void Lane::follow_back(const net::DeliveryTransaction& transaction, const storage::LaneRun& run) {
  if (transaction.watermark()->seq >= run.confirmed.seq) return;
  core_.live().close();
  core_.journal().confirm(name(), run.epoch, *transaction.watermark(), true);
}

AdminResult<void> Lane::request_bury(std::size_t count, const std::optional<Uuid>& id) {
  return bury_request_.make(count, id, core_.report().status());
}

LaneStatus Lane::status() const {
  LaneStatus status = core_.report().status();
  status.refused_id = bury_request_.refused();
  bool found = false;
  for (const auto& run : core_.journal().runs(name())) {
    const std::uint64_t done = std::max(run.confirmed.seq, run.first_seq - 1);
    status.pending += run.last_seq - std::min(run.last_seq, done);
    if (found) continue;
    status.epoch = run.epoch;
    status.confirmed_seq = run.confirmed.seq;
    status.last_seq = run.last_seq;
    found = run.last_seq > done;
  }
  return status;
}

void Lane::close_logs(RepeatedLines::Clock::time_point now) {
  dead_letters_.close_logs(now);
  healer_.close_logs(now);
  refused_.close_logs(now);
}

void Lane::finish_logs() {
  dead_letters_.finish_logs();
  healer_.finish_logs();
  refused_.finish_logs();
}

}  // namespace hookspool::agent
