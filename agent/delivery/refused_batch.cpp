#include "agent/delivery/refused_batch.h"

#include <utility>
#include <vector>

#include "agent/base/log.h"

namespace hookspool::agent {
namespace {

using Blame = Isolation::Blame;

constexpr milliseconds kTriedLongest{2'000};  // one step; a time-out is not waited for once more
// A lane that waits for an event that is taken looks at new ones this often at most.
constexpr milliseconds kNewEventsLooked{1'000};

Blame blame_of(const net::PgError& error) {
  if (error.connection_lost) return Blame::kLost;
  switch (error.error_class) {
    case net::ErrorClass::kOutage:
    case net::ErrorClass::kLimit:
      return error.sqlstate.starts_with("40") ? Blame::kConflict : Blame::kLimit;
    case net::ErrorClass::kEvent:
      return Blame::kEvent;
    case net::ErrorClass::kUnclear:
      return Blame::kUnclear;
    case net::ErrorClass::kSetup:
      break;
  }
  return Blame::kSetup;
}

}  // namespace

RefusedBatch::RefusedBatch(LaneCore& core, Isolation& isolation, Pace& pace, BuryRequest& request,
                           LaneDeadLetters& dead_letters)
    : core_(core),
      isolation_(isolation),
      pace_(pace),
      request_(request),
      dead_letters_(dead_letters),
      search_(core),
      fewer_lines_("lane " + core.name(), "batch was too much", "batches were too much") {}

LaneStep RefusedBatch::not_taken(net::Connection& connection, const storage::LaneRun& run,
                                 const DeliveryBatch& batch, const net::PgError& error) {
  if (batch.ahead && !error.connection_lost) return LaneStep::more();  // once more in the usual way
  const bool alone = batch.count == 1;
  if (error.connection_lost) {
    return connection_lost(run, batch.first_seq, batch.count, alone ? batch.events.front()->id : Uuid{},
                           error);
  }
  const bool asked = alone && request_.covers(batch.events.front()->id);
  if (error.error_class == net::ErrorClass::kOutage && !asked) return core_.failed(error);
  return refused(connection, run, batch, error);
}

LaneStep RefusedBatch::refused(net::Connection& connection, const storage::LaneRun& run,
                               const DeliveryBatch& batch, const net::PgError& error) {
  auto& figures = core_.figures();
  (error.error_class == net::ErrorClass::kSetup ? figures.errors_setup : figures.errors_event) += 1;
  core_.live().close();
  const Blame blame = blame_of(error);
  if (batch.count == 1) {
    const EventPtr& event = batch.events.front();
    note_refused({run.epoch, event->seq, event->id, blame, error});
    if (request_.covers(event->id)) return bury(connection, run, event, error, false);
  } else if (blame == Blame::kLimit) {
    pace_.too_many(batch.count);
    fewer_lines_.warn(
        error.sqlstate,
        std::to_string(batch.count) + " events at once were too many, so fewer are tried: " + error.text,
        core_.now());
  }
  const bool again = batch.count == 1 && !batch.events.front()->event.requeued_id.is_nil();
  switch (isolation_.refused(run.epoch, batch.first_seq, batch.count, blame, error.sqlstate, again)) {
    case Isolation::Verdict::kTryAgain:
      return LaneStep::more();
    case Isolation::Verdict::kTryLater:
      return core_.later(error);
    case Isolation::Verdict::kBury:
      return bury(connection, run, batch.events.front(), error, true);
    case Isolation::Verdict::kProve:
      proving_ = true;
      return prove(connection, run);
    case Isolation::Verdict::kHold:
      break;
  }
  return held_by_event(error);
}

// An event that ends the server's process looks like an outage, but the connection was there when it was sent, each
// time. Before it is sent once more, others are tried over the new connection.
LaneStep RefusedBatch::connection_lost(const storage::LaneRun& run, std::uint64_t first_seq,
                                       std::size_t count, const Uuid& id, const net::PgError& error) {
  if (count > 0) {
    const auto verdict = isolation_.refused(run.epoch, first_seq, count, Blame::kLost, error.sqlstate);
    proving_ = verdict == Isolation::Verdict::kProve || verdict == Isolation::Verdict::kBury;
    // Before that it is an outage as any other.
    if (count == 1 && proving_) note_refused({run.epoch, first_seq, id, Blame::kLost, error});
  }
  return core_.failed(error);
}

bool RefusedBatch::wants_proof(const storage::LaneRun& run, std::uint64_t first_seq) {
  if (refusal_ && (refusal_->epoch != run.epoch || refusal_->seq != first_seq)) passed();
  const bool asked = request_.is_open();
  if (refusal_ && (proving_ || (asked && refusal_->blame == Blame::kLost))) return true;
  if (asked) isolation_.only_one(run.epoch, first_seq);
  return false;
}

void RefusedBatch::delivered(const storage::LaneRun& run, std::uint64_t last_seq) {
  passed();
  isolation_.delivered(run.epoch, last_seq);
  request_.end();
}

void RefusedBatch::note_refused(Refused refused) {
  refusal_ = std::move(refused);
  request_.set_refused(refusal_->id);
}

// The lane is no longer at the event that was refused.
void RefusedBatch::passed() {
  refusal_.reset();
  proving_ = false;
  request_.set_refused(Uuid{});
}

// `control`: only if the table takes rows at all; the control is a COPY of none.
LaneStep RefusedBatch::bury(net::Connection& connection, const storage::LaneRun& run, const EventPtr& event,
                            const net::PgError& error, bool control) {
  // The first event of a run may be the refused one: then its watermark's row was rolled back with it.
  auto transaction = core_.begin(connection, run, true);
  if (!transaction) return core_.failed(transaction.error());
  // Anywhere else than where we were: look again from the start.
  if (transaction->position().seq + 1 != event->seq) return LaneStep::more();
  if (control) {
    const auto probed = transaction->probe();
    if (!probed) return core_.failed(probed.error());
  }
  const auto buried = transaction->bury(*event, error);
  if (!buried) return core_.failed(buried.error());
  const auto committed = transaction->commit();
  if (!committed) return core_.failed(committed.error());
  core_.journal().confirm(core_.name(), run.epoch, transaction->position());
  dead_letters_.made(*event, " (number " + std::to_string(event->seq) + ") is a dead letter", error);
  isolation_.buried(event->seq, {event->id, !event->event.requeued_id.is_nil()});
  passed();
  request_.count_buried();
  core_.report().succeeded(false);
  return LaneStep::more();
}

LaneStep RefusedBatch::prove(net::Connection& connection, const storage::LaneRun& run) {
  const Refused head = *refusal_;
  // The head is tried again when this comes to nothing; one that costs the connection only when nothing else is left.
  proving_ = head.blame == Blame::kLost;
  const auto event = head_of(run, head.seq);
  if (!event) return event.error();
  if (request_.covers(head.id)) return bury(connection, run, *event, head.error, false);
  auto transaction = core_.begin(connection, run, true);
  if (!transaction) return core_.failed(transaction.error());
  if (transaction->position().seq + 1 != head.seq) return LaneStep::more();
  if (const auto control = transaction->probe(); !control) {
    proving_ = false;
    return control.error().error_class == net::ErrorClass::kSetup ? held_by_event(control.error())
                                                                  : core_.failed(control.error());
  }
  return try_behind(std::move(*transaction), connection, run, *event);
}

// `transaction` stands before `event`, the refused one, and takes the candidates behind savepoints.
LaneStep RefusedBatch::try_behind(net::DeliveryTransaction transaction, net::Connection& connection,
                                  const storage::LaneRun& run, const EventPtr& event) {
  const Refused head = *refusal_;
  const auto behind = search_.next(run, head.seq, Isolation::may_pass(head.blame));
  if (!behind) return core_.failed(behind.error());
  const auto began = core_.now();
  bool slow = false;
  for (const EventPtr& candidate : *behind) {
    slow = core_.now() - began >= kTriedLongest;
    if (slow) break;
    search_.tried(*candidate);
    if (!candidate->event.requeued_id.is_nil()) continue;  // a row of it may be there
    const auto taken = transaction.takes(candidate);
    if (!taken) return core_.failed(taken.error());
    if (!*taken) continue;
    search_.taken(*candidate);
    isolation_.proven(head.seq, candidate->epoch == run.epoch ? candidate->seq : UINT64_MAX);
    { const auto rolled_back = std::move(transaction); }
    return bury(connection, run, event, head.error, false);
  }
  slow = slow && head.blame == Blame::kLimit;  // everything is, so that is no event's fault
  if (!behind->empty() && !slow && !search_.exhausted()) {
    proving_ = true;
    return LaneStep::more();
  }
  return unproven();
}

Result<EventPtr, LaneStep> RefusedBatch::head_of(const storage::LaneRun& run, std::uint64_t seq) {
  auto read = core_.journal().read(core_.name(), run.epoch, seq, 1, 1);
  if (read) return read->front();
  // What cannot be read is skipped by the delivery that meets it.
  passed();
  if (read.error().kind == storage::JournalError::Kind::kCorrupt) return fail(LaneStep::more());
  return fail(core_.failed(read.error()));
}

// None is taken, so it may be the table. A new event, or the next try, may decide.
LaneStep RefusedBatch::unproven() {
  isolation_.unproven();
  proving_ = false;
  const std::size_t tried = search_.events_tried();
  search_.restart();
  net::PgError error = refusal_->error;
  const std::string put_back = std::to_string(isolation_.to_put_back().size());
  const bool many = !isolation_.to_put_back().empty();
  error.text = (many ? put_back + " events in a row were refused and no event behind them is taken"
                     : "event " + refusal_->id.to_string() + " (number " + std::to_string(refusal_->seq) +
                           ") is refused, and no event behind it is taken, so it may be the table") +
               std::string(": ") + error.text;
  error.hint =
      std::string(error.hint.empty() ? "" : error.hint + "\n") +
      "If the table has changed, repair it: the lane tries again by itself" +
      (many ? ", and those " + put_back + " dead letters then go back by themselves" : "") +
      ". Or these events are of a kind this table is not for: then the lane goes on with the first event "
      "that is taken.";
  log_debug("lane " + core_.name() + ": tried " + std::to_string(tried) + " events behind number " +
            std::to_string(refusal_->seq));
  LaneStep step = held_by_event(error);
  step.sooner = core_.now() + kNewEventsLooked;
  return step;
}

LaneStep RefusedBatch::held_by_event(const net::PgError& error) {
  net::PgError described = error;
  described.hint = (error.hint.empty() ? "" : error.hint + "\n") + "hookspool dead bury --source " +
                   core_.name() + " makes the event that holds the lane (" + refusal_->id.to_string() +
                   ") a dead letter, and --count N up to N that are refused.";
  return core_.held(described);
}

}  // namespace hookspool::agent
