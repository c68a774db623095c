#include "agent/delivery/lane.h"

#include <algorithm>

#include "agent/base/backoff.h"
#include "agent/base/entropy.h"
#include "agent/base/log.h"
#include "net/pg/ledger/watermarks.h"
#include "net/pg/tables/target_check.h"

namespace hookspool::agent {
namespace {

using Next = Lane::Step::Next;
using Action = Plan::Action;

// What is in memory of a transaction at a time, and how long one may take what there is before it is committed.
constexpr std::size_t kSliceEventsMax = 1000;
constexpr std::size_t kSliceBytesMax = 256u << 10;
constexpr milliseconds kCopyLongest{500};
constexpr std::uint64_t kNearlyCaughtUpEvents = 1000;

}  // namespace

Lane::Lane(std::string name, const LaneContext& context)
    : name_(std::move(name)),
      context_(context),
      live_(context.budget),
      config_(context.config.get()),
      pace_(config_->batch_events_max) {
  status_.name = name_;
  status_.state = "waiting";
}

Lane::Step Lane::step(net::Connection& connection) {
  config_ = context_.config.get();
  pace_.set_most(config_->batch_events_max);
  isolation_.set_hold_after(config_->hold_after);
  return next_step(connection);
}

Lane::Step Lane::next_step(net::Connection& connection) {
  if (const auto failure = check_runs(connection)) return *failure;
  if (repair_) return repair(connection);
  auto run = next_run();
  if (!run) {
    // Caught up. What is committed from here on is handed over; what slipped in between is found by the gap.
    live_.open();
    run = next_run();
    if (!run) {
      succeeded(true);
      bury_is_over();
      return {};
    }
  }
  return deliver(connection, *run);
}

// After a (re)connection: is every retained run still where it was left? A run that is not gets a closer look.
std::optional<Lane::Step> Lane::check_runs(net::Connection& connection) {
  if (!check_due_.exchange(false)) return std::nullopt;
  compare_one_by_one_ = false;
  pace_.uplink_came_up();
  auto& journal = context_.journal;
  auto watermarks = net::read_watermarks(connection, config_->options, journal.agent_id(), name_);
  if (!watermarks) {
    check_due_ = true;
    return failed(watermarks.error());
  }
  // Named before the first event rather than by it.
  const auto target = net::check_target(connection, config_->options, name_);
  if (!target) {
    check_due_ = true;
    return failed(target.error());
  }
  if (const auto restored = restore(connection); !restored) {
    check_due_ = true;
    return failed(restored.error());
  }
  suspect_.clear();
  for (const auto& run : journal.runs(name_)) {
    if (run.confirmed.seq == 0 || run.first_seq > run.last_seq) continue;
    const auto found = std::find_if(watermarks->begin(), watermarks->end(),
                                    [&](const auto& watermark) { return watermark.first == run.epoch; });
    if (found == watermarks->end() || found->second.seq < run.confirmed.seq) suspect_.insert(run.epoch);
  }
  auto healing = heal(connection);
  if (healing) check_due_ = true;  // it goes on until there is nothing more to do
  return healing;
}

// The oldest run with something to send: an epoch is finished before the next one begins, which keeps the order.
std::optional<storage::LaneRun> Lane::next_run() const {
  for (const auto& run : context_.journal.runs(name_)) {
    const bool pending = run.first_seq <= run.last_seq && run.last_seq > run.confirmed.seq;
    if (pending || (suspect_.contains(run.epoch) && run.first_seq <= run.last_seq)) return run;
  }
  return std::nullopt;
}

Lane::Step Lane::deliver(net::Connection& connection, const storage::LaneRun& run) {
  auto transaction = net::DeliveryTransaction::begin(connection, config_->options, key_of(run), false);
  if (!transaction) return failed(transaction.error());
  auto plan = look(*transaction, run);
  if (!plan) return plan.error();
  if (plan->action != Action::kHold) suspect_.erase(run.epoch);
  return carry_out(*plan, connection, std::move(*transaction), run);
}

// Gathers what the plan needs. The watermark's row is locked from begin() on, so the answer stays true.
Result<Plan, Lane::Step> Lane::look(net::DeliveryTransaction& transaction, const storage::LaneRun& run) {
  PlanFacts facts{transaction.watermark(), run.confirmed, run.first_seq, run.last_seq, std::nullopt, false};
  const auto& watermark = facts.watermark;
  if (watermark && watermark->seq > run.confirmed.seq && watermark->seq >= run.first_seq &&
      watermark->seq <= run.last_seq) {
    auto own = context_.journal.read(name_, run.epoch, watermark->seq, 1, 1);
    if (own) {
      facts.own_id_at_watermark = own->front()->id;
    } else if (own.error().kind == storage::JournalError::Kind::kCorrupt) {
      // Our event there cannot be compared. PostgreSQL has one, or a gap was recorded over it: believed.
      facts.own_id_at_watermark = watermark->id;
    } else {
      return fail(failed(own.error()));
    }
  }
  if (needs_rows_above(facts)) {
    auto above = transaction.rows_above(watermark ? watermark->seq : 0, watermark ? watermark->id : Uuid{});
    if (!above) return fail(failed(above.error()));
    facts.rows_above_watermark = *above;
  }
  return make_plan(facts);
}

Lane::Step Lane::carry_out(const Plan& plan, net::Connection& connection,
                           net::DeliveryTransaction transaction, const storage::LaneRun& run) {
  auto& figures = context_.figures;
  if (plan.action == Action::kHold) {
    return held(
        {.text = plan.reason,
         .hint = "hookspool repair " + name_ +
                 (transaction.comparable()
                      ? " compares the events by id, puts in what is missing and sets the watermark right"
                      : " sets the watermark to what the journal knows as confirmed, and sends nothing: its "
                        "table has no ids to compare")});
  }
  if (plan.action == Action::kReconcile)
    return reconcile(connection, std::move(transaction), run, plan.reason);
  if (!plan.reason.empty()) log_error("lane " + name_ + ": " + plan.reason);
  if (plan.action == Action::kMoveCursor) {
    const Position found = *transaction.watermark();
    figures.found_committed += found.seq - run.confirmed.seq;
    context_.journal.confirm(name_, run.epoch, found);
    succeeded(false);  // it had been committed
    return {Next::kMore, {}, {}};
  }
  if (plan.create) {
    auto created = transaction.create_watermark();
    if (!created) return failed(created.error());
    // Another process made the row meanwhile and moved it: look again.
    if (!transaction.watermark() || transaction.watermark()->seq != 0) return {Next::kMore, {}, {}};
  }
  const bool behind = transaction.watermark()->seq < run.confirmed.seq;
  if (behind) {
    live_.close();
    context_.journal.confirm(name_, run.epoch, *transaction.watermark(), true);
    if (plan.action == Action::kGoBack) figures.sent_again += plan.count;
  }
  if (plan.action == Action::kSkipGap) {
    const Position passed = transaction.position();
    auto skipped = transaction.skip_gap(run.first_seq - 1);
    if (!skipped) return failed(skipped.error());
    figures.gaps += plan.count;
    tell_lost(run, passed.seq + 1, run.first_seq - 1, passed.id);
  }
  return send(connection, std::move(transaction), run);
}

// At least one event, or why none can be had.
storage::JournalResult<void> Lane::next_slice(const storage::LaneRun& run, std::uint64_t from_seq,
                                              std::size_t events_max, Batch& batch) {
  events_max = std::min(events_max, kSliceEventsMax);
  const std::size_t bytes_max = std::min(config_->batch_bytes_max - batch.bytes, kSliceBytesMax);
  // Not two slices in memory at a time; but an event that was alone is needed should it be refused.
  if (batch.count > 1) batch.events.clear();
  std::vector<EventPtr> events;
  live_.take(run.epoch, from_seq, events_max, bytes_max, events);
  batch.live += events.size();
  if (events.empty()) {
    // Nearly caught up: have new events handed over from here on, so that a busy lane gets back on the fast path.
    if (run.current && run.last_seq - from_seq < kNearlyCaughtUpEvents) live_.open();
    auto read = context_.journal.read(name_, run.epoch, from_seq, events_max, bytes_max);
    if (!read) return fail(std::move(read).error());
    events = std::move(*read);
  }
  batch.events = std::move(events);
  batch.count_last_slice();
  return {};
}

void Lane::Batch::count_last_slice() {
  count += events.size();
  for (const auto& event : events) {
    bytes += event_bytes(*event);
    received_at_us.push_back(event->event.received_at_us);
    if (!event->event.again.is_nil()) put_back.push_back(event->id);
  }
}

// Slice by slice, so that a large transaction takes little memory, and PostgreSQL puts in one while the next is read.
net::PgResult<void> Lane::copy(net::DeliveryTransaction& transaction, const storage::LaneRun& run,
                               Clock::time_point began, Batch& batch) {
  const std::size_t events_max =
      std::min({config_->batch_events_max, isolation_.batch_limit(), pace_.batch_events()});
  batch.first_seq = transaction.position().seq + 1;
  while (transaction.position().seq < run.last_seq) {
    const bool enough = batch.count >= events_max || batch.bytes >= config_->batch_bytes_max ||
                        Clock::now() - began >= kCopyLongest;
    if (batch.count > 0 && enough) break;
    const auto next = next_slice(run, transaction.position().seq + 1, events_max - batch.count, batch);
    if (!next) {
      batch.unread = next.error();
      break;
    }
    if (auto copied = transaction.copy_some(batch.events); !copied) return copied;
  }
  return transaction.finish_copy();
}

Lane::Step Lane::send(net::Connection& connection, net::DeliveryTransaction transaction,
                      const storage::LaneRun& run) {
  const auto began = Clock::now();
  const std::uint64_t first_seq = transaction.position().seq + 1;
  if (refusal_ && (refusal_->epoch != run.epoch || refusal_->seq != first_seq)) passed();
  const bool asked = bury_wanted(Uuid{});
  if (refusal_ && (proving_ || (asked && refusal_->blame == Isolation::Blame::kLost))) {
    { const auto rolled_back = std::move(transaction); }
    return prove(connection, run);
  }
  if (asked) isolation_.only_one(run.epoch, first_seq);
  Batch batch;
  const auto copied = copy(transaction, run, began, batch);
  if (batch.count == 0 && batch.unread) {
    if (batch.unread->kind != storage::JournalError::Kind::kCorrupt) return failed(*batch.unread);
    return skip_damaged(std::move(transaction), run, *batch.unread);
  }
  if (!copied) {
    { const auto rolled_back = std::move(transaction); }
    return not_taken(connection, run, batch, copied.error());
  }
  if (const auto put = put_back(connection); !put) return failed(put.error());
  return commit(connection, std::move(transaction), run, batch, began);
}

Lane::Step Lane::commit(net::Connection& connection, net::DeliveryTransaction transaction,
                        const storage::LaneRun& run, const Batch& batch, Clock::time_point began) {
  const auto committed = transaction.commit();
  if (!committed) {
    { const auto rolled_back = std::move(transaction); }
    if (batch.count == 0) return failed(committed.error());
    return not_taken(connection, run, batch, committed.error());
  }
  context_.journal.confirm(name_, run.epoch, transaction.position());
  pace_.took(Clock::now() - began);
  if (batch.count == 0) return {Next::kMore, {}, {}};
  account(batch, began);
  passed();
  succeeded(batch.live == batch.count);
  isolation_.delivered(run.epoch, transaction.position().seq);
  bury_is_over();
  return {Next::kMore, {}, {}};
}

void Lane::account(const Batch& batch, Clock::time_point began) {
  auto& figures = context_.figures;
  figures.transaction.record(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - began));
  const std::int64_t now_us = wall_clock_us();
  for (const auto received_at_us : batch.received_at_us)
    figures.accept_to_commit.record(std::chrono::microseconds(now_us - received_at_us));
  for (const auto& id : batch.put_back) {
    figures.put_back += 1;
    if (context_.on_returned) context_.on_returned(id);
  }
  figures.delivered_live += batch.live;
  figures.delivered_from_journal += batch.count - batch.live;
  figures.batches += 1;
  if (batch.ahead) figures.batches_ahead += 1;
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
  for (const auto& run : context_.journal.runs(name_)) {
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

}  // namespace hookspool::agent
