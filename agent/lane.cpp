#include "agent/lane.h"

#include <algorithm>

#include "agent/backoff.h"
#include "agent/entropy.h"
#include "agent/log.h"

namespace hookspool::agent {
namespace {

using Next = Lane::Step::Next;

}  // namespace

Lane::Lane(std::string name, storage::Journal& journal, const PostgresConfig& config, LiveBudget& budget,
           DeliveryFigures& figures)
    : name_(std::move(name)), journal_(journal), config_(config), figures_(figures), live_(budget) {
  status_.name = name_;
  status_.state = "waiting";
}

// The oldest run with something to send: an epoch is finished before the next one begins, which keeps the order.
std::optional<storage::LaneRun> Lane::next_run() const {
  for (const auto& run : journal_.runs(name_)) {
    if (run.last_seq > run.confirmed.seq) return run;
  }
  return std::nullopt;
}

Lane::Step Lane::step(net::Connection& connection) {
  auto run = next_run();
  if (!run) {
    // Caught up. What is committed from here on is handed over; what slipped in between is found by the gap.
    live_.open();
    run = next_run();
    if (!run) {
      succeeded(true);
      return {};
    }
  }
  return deliver(connection, *run);
}

Lane::Step Lane::deliver(net::Connection& connection, const storage::LaneRun& run) {
  const net::LaneKey key{journal_.agent_id(), run.epoch, name_};
  auto transaction = net::DeliveryTransaction::begin(connection, config_.options, key, false);
  if (!transaction) return failed(transaction.error());
  auto plan = look(*transaction, run);
  if (!plan) return plan.error();
  switch (plan->action) {
    case Plan::Action::kHold:
      return held(plan->reason, "", "");
    case Plan::Action::kMoveCursor: {
      const Position found = *transaction->watermark();
      figures_.found_committed += found.seq - run.confirmed.seq;
      journal_.confirm(name_, run.epoch, found);
      return {Next::kMore, {}, {}};
    }
    case Plan::Action::kGoBack:
      log_error("lane " + name_ + ": " + plan->reason);
      figures_.sent_again += plan->resent;
      live_.close();
      journal_.confirm(name_, run.epoch, *transaction->watermark(), true);
      return send(*transaction, run);
    case Plan::Action::kSend:
      return send(*transaction, run);
    case Plan::Action::kCreateThenSend:
      break;
  }
  if (plan->resent > 0) {
    log_error("lane " + name_ + ": " + plan->reason);
    figures_.sent_again += plan->resent;
    live_.close();
    journal_.confirm(name_, run.epoch, Position{}, true);
  }
  { const auto ended = std::move(*transaction); }  // rolls back; the row is made in a transaction of its own lock
  auto created = net::DeliveryTransaction::begin(connection, config_.options, key, true);
  if (!created) return failed(created.error());
  // Another life of this agent may have made the row meanwhile, and moved it: then look again from the start.
  if (!created->watermark() || created->watermark()->seq != 0) return {Next::kMore, {}, {}};
  return send(*created, run);
}

// Gathers what the plan needs. The watermark's row is locked from begin() on, so the answer stays true.
Result<Plan, Lane::Step> Lane::look(net::DeliveryTransaction& transaction, const storage::LaneRun& run) {
  PlanFacts facts{transaction.watermark(), run.confirmed, run.first_seq, run.last_seq, std::nullopt, false};
  const auto& watermark = facts.watermark;
  if (watermark && watermark->seq > run.confirmed.seq && watermark->seq >= run.first_seq &&
      watermark->seq <= run.last_seq) {
    auto own = journal_.read(name_, run.epoch, watermark->seq, 1, 1);
    if (!own) return fail(failed(own.error()));
    facts.own_id_at_watermark = own->front()->id;
  }
  if (needs_rows_above(facts)) {
    auto above = transaction.rows_above(watermark ? watermark->seq : 0, watermark ? watermark->id : Uuid{});
    if (!above) return fail(failed(above.error()));
    facts.rows_above_watermark = *above;
  }
  return make_plan(facts);
}

Result<Lane::Batch, Lane::Step> Lane::next_batch(const storage::LaneRun& run, std::uint64_t from_seq) {
  Batch batch;
  live_.take(run.epoch, from_seq, config_.batch_events_max, config_.batch_bytes_max, batch.events);
  batch.live = !batch.events.empty();
  if (batch.live) return batch;
  // Nearly caught up: have new events handed over from here on, so that a busy lane gets back on the fast path.
  if (run.current && run.last_seq - from_seq < config_.batch_events_max) live_.open();
  auto read = journal_.read(name_, run.epoch, from_seq, config_.batch_events_max, config_.batch_bytes_max);
  if (!read) return fail(failed(read.error()));
  batch.events = std::move(*read);
  return batch;
}

Lane::Step Lane::send(net::DeliveryTransaction& transaction, const storage::LaneRun& run) {
  const auto began = Clock::now();
  auto batch = next_batch(run, transaction.watermark()->seq + 1);
  if (!batch) return batch.error();
  const auto copied = transaction.copy(batch->events);
  if (!copied) return failed(copied.error());
  const auto committed = transaction.commit();
  if (!committed) return failed(committed.error());
  journal_.confirm(name_, run.epoch, {batch->events.back()->seq, batch->events.back()->id});
  account(*batch, began);
  succeeded(batch->live);
  return {Next::kMore, {}, {}};
}

void Lane::account(const Batch& batch, Clock::time_point began) {
  figures_.transaction.record(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - began));
  const std::int64_t now_us = wall_clock_us();
  for (const auto& event : batch.events) {
    figures_.accept_to_commit.record(std::chrono::microseconds(now_us - event->event.received_at_us));
  }
  (batch.live ? figures_.delivered_live : figures_.delivered_from_journal) += batch.events.size();
  figures_.batches += 1;
}

Lane::Step Lane::failed(const net::PgError& error) {
  figures_.batches_failed += 1;
  if (error.in_doubt) figures_.in_doubt += 1;
  live_.close();
  if (error.connection_lost) {
    figures_.errors_outage += 1;
    const std::lock_guard lock(mutex_);
    status_.state = "waiting";
    status_.error = error.text;
    status_.sqlstate = error.sqlstate;
    return {Next::kLineDown, {}, error};
  }
  switch (error.error_class) {
    case net::ErrorClass::kOutage:
      figures_.errors_outage += 1;
      return later(error.text, error.sqlstate);
    case net::ErrorClass::kEvent:
      figures_.errors_event += 1;
      return held(error.text, error.sqlstate, error.hint);
    case net::ErrorClass::kSetup:
      break;
  }
  figures_.errors_setup += 1;
  return held(error.text, error.sqlstate, error.hint);
}

Lane::Step Lane::failed(const storage::JournalError& error) {
  live_.close();
  // A row whose checksum does not fit will not fit in a second either; a disk error may pass.
  if (error.kind == storage::JournalError::Kind::kIo) return later(error.text, "");
  return held(error.text, "", "");
}

Lane::Step Lane::later(const std::string& error, const std::string& sqlstate) {
  const std::lock_guard lock(mutex_);
  status_.state = "waiting";
  status_.error = error;
  status_.sqlstate = sqlstate;
  next_try_ = Clock::now() + backoff_delay(config_.backoff_min, config_.backoff_max, status_.tries_failed, random_unit());
  status_.tries_failed += 1;
  return {Next::kLater, next_try_, {}};
}

Lane::Step Lane::held(std::string error, std::string sqlstate, std::string hint) {
  live_.close();
  const std::lock_guard lock(mutex_);
  if (status_.state != "held" || status_.error != error) {
    log_error("lane " + name_ + " is held: " + error + (hint.empty() ? "" : "\n" + hint));
  }
  status_.state = "held";
  status_.error = std::move(error);
  status_.sqlstate = std::move(sqlstate);
  status_.hint = std::move(hint);
  status_.tries_failed += 1;
  // Between half and the whole of backoff_max: a person is needed, but may mend it without telling us.
  next_try_ = Clock::now() + config_.backoff_max / 2 +
              backoff_delay(config_.backoff_max / 2, config_.backoff_max / 2, 0, random_unit());
  return {Next::kLater, next_try_, {}};
}

void Lane::succeeded(bool live) {
  const std::lock_guard lock(mutex_);
  if (status_.state == "held") log_info("lane " + name_ + " goes on");
  status_.state = live ? "online" : "catching-up";
  status_.error.clear();
  status_.hint.clear();
  status_.sqlstate.clear();
  status_.tries_failed = 0;
}

LaneStatus Lane::status() const {
  LaneStatus status;
  {
    const std::lock_guard lock(mutex_);
    status = status_;
    const auto now = Clock::now();
    if (status.tries_failed > 0 && next_try_ > now) {
      status.next_try_in = std::chrono::duration_cast<milliseconds>(next_try_ - now);
    }
  }
  bool found = false;
  for (const auto& run : journal_.runs(name_)) {
    status.pending += run.last_seq - std::min(run.last_seq, run.confirmed.seq);
    if (found) continue;
    status.epoch = run.epoch;
    status.confirmed_seq = run.confirmed.seq;
    status.last_seq = run.last_seq;
    found = run.last_seq > run.confirmed.seq;
  }
  return status;
}

}  // namespace hookspool::agent
