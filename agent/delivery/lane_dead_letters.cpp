// Events that leave a lane's line for the dead letters, and those that come back into it.
#include <algorithm>

#include "agent/base/log.h"
#include "agent/delivery/held_batch.h"
#include "agent/delivery/lane.h"
#include "agent/delivery/requeued_event.h"
#include "net/pg/ledger/ledger.h"

namespace hookspool::agent {
namespace {

using Next = Lane::Step::Next;

}  // namespace

// `control`: only if the table takes rows at all; the control is a COPY of none.
Lane::Step Lane::bury(net::Connection& connection, const storage::LaneRun& run, const EventPtr& event,
                      const net::PgError& error, bool control) {
  // The first event of a run may be the bad one: then the row was rolled back with it.
  auto transaction = net::DeliveryTransaction::begin(connection, config_->options, key_of(run), true);
  if (!transaction) return failed(transaction.error());
  // Anywhere else than where we were: look again from the start.
  if (transaction->position().seq + 1 != event->seq) return {Next::kMore, {}, {}};
  if (control) {
    const auto probed = transaction->probe();
    if (!probed) return failed(probed.error());
  }
  const auto buried = transaction->bury(*event, error);
  if (!buried) return failed(buried.error());
  const auto committed = transaction->commit();
  if (!committed) return failed(committed.error());
  context_.journal.confirm(name_, run.epoch, transaction->position());
  context_.figures.buried += 1;
  dead_lines_.warn(error.sqlstate, "event " + event->id.to_string() + " (number " +
                                       std::to_string(event->seq) + ") is a dead letter: " + error.sqlstate +
                                       " " + error.text);
  if (context_.on_buried) context_.on_buried(*event, error);
  isolation_.buried(event->seq, {event->id, !event->event.again.is_nil()});
  passed();
  told_buried();
  succeeded(false);
  return {Next::kMore, {}, {}};
}

// Those that an earlier life of the agent had buried in a row: should the table have been the reason, they go back.
net::PgResult<void> Lane::restore(net::Connection& connection) {
  if (restored_) return {};
  auto ids = net::last_buried_in_a_row(connection, config_->options, context_.journal.agent_id(), name_,
                                       config_->hold_after);
  if (!ids) return fail(std::move(ids).error());
  restored_ = true;
  isolation_.restore(*ids);
  return {};
}

// Before the batch that the table takes again is committed: an agent that ends in between puts them back twice, and
// the second one finds no dead letter and is no row.
net::PgResult<void> Lane::put_back(net::Connection& connection) {
  const auto ids = isolation_.to_put_back();
  if (ids.empty()) return {};
  log_info("lane " + name_ + ": the table takes rows again; putting back " + std::to_string(ids.size()) +
           " dead letters");
  for (const Uuid& id : ids) {  // one in memory at a time
    auto letters =
        net::read_dead_letters(connection, config_->options, context_.journal.agent_id(), std::span(&id, 1));
    if (!letters) return fail(std::move(letters).error());
    if (letters->empty()) continue;  // a person was faster
    auto event = event_of(letters->front());
    const auto stored =
        event
            ? context_.journal.append(std::move(*event))
            : fail(storage::JournalError{storage::JournalError::Kind::kIo, "its request is no JSON object"});
    if (!stored) {
      log_error("lane " + name_ + ": dead letter " + id.to_string() + " could not be put back: " +
                stored.error().text + ". Use: hookspool dead retry " + id.to_string());
    }
  }
  isolation_.put_back();
  return {};
}

// Whether an administrator has asked for this event to be buried. A nil id stands for any event.
bool Lane::bury_wanted(const Uuid& id) const {
  const std::lock_guard lock(mutex_);
  return bury_.left > 0 && (id.is_nil() || !bury_.id || *bury_.id == id);
}

Granted<void> Lane::request_bury(std::size_t count, const std::optional<Uuid>& id) {
  const std::lock_guard lock(mutex_);
  if (status_.refused_id.is_nil()) {
    return fail(Refusal{409,
                        "lane " + name_ + " is not held by an event: it is " + status_.state +
                            (status_.error.empty() ? "" : ": " + status_.error),
                        status_.hint});
  }
  if (id && *id != status_.refused_id) {
    return fail(Refusal{409,
                        "lane " + name_ + " is held by event " + status_.refused_id.to_string() +
                            ", not by " + id->to_string(),
                        ""});
  }
  bury_.left = id ? 1 : count;
  bury_.id = id;
  bury_.done = 0;
  return {};
}

Lane::BuryOutcome Lane::wait_buried(Clock::time_point until) {
  std::unique_lock lock(mutex_);
  buried_.wait_until(lock, until, [this] { return bury_.left == 0; });
  return {bury_.done, bury_.left == 0};
}

void Lane::told_buried() {
  {
    const std::lock_guard lock(mutex_);
    if (bury_.left == 0) return;
    bury_.left -= 1;
    bury_.done += 1;
  }
  buried_.notify_all();
}

// An event went in, or there is none: nothing is held any more.
void Lane::bury_is_over() {
  {
    const std::lock_guard lock(mutex_);
    if (bury_.left == 0) return;
    bury_.left = 0;
  }
  buried_.notify_all();
}

std::size_t Lane::compared_events_max() const {
  return compare_one_by_one_ ? 1 : held_events_max(*config_);
}

// While events are compared by id one of them may be refused as in any delivery. Nothing: it is a dead letter now.
std::optional<Lane::Step> Lane::compare_refused(net::Connection& connection, const storage::LaneRun& run,
                                                const std::vector<EventPtr>& batch,
                                                const net::PgError& error) {
  const bool refusal = error.error_class == net::ErrorClass::kEvent ||
                       error.error_class == net::ErrorClass::kUnclear ||
                       error.error_class == net::ErrorClass::kLimit;
  if (!refusal || error.connection_lost) return failed(error);
  if (batch.size() > 1) {
    compare_one_by_one_ = true;
    return Step{Next::kMore, {}, {}};
  }
  const bool may_pass = error.error_class == net::ErrorClass::kLimit;
  if (may_pass && status_tries() < LaneStatus::kTriesBeforeTold) return failed(error);
  if (config_->hold_after > 0 && compared_refused_ >= config_->hold_after) return failed(error);
  auto transaction = net::DeliveryTransaction::begin(connection, config_->options, key_of(run), true);
  if (!transaction) return failed(transaction.error());
  if (const auto control = transaction->probe(); !control) return failed(control.error());
  const StoredEvent& event = *batch.front();
  if (const auto kept = transaction->keep(event, error); !kept) return failed(kept.error());
  if (const auto committed = transaction->commit(); !committed) return failed(committed.error());
  compared_refused_ += 1;
  context_.figures.buried += 1;
  dead_lines_.warn(error.sqlstate, "event " + event.id.to_string() + " (number " + std::to_string(event.seq) +
                                       ") was missing and is a dead letter: " + error.sqlstate + " " +
                                       error.text);
  if (context_.on_buried) context_.on_buried(event, error);
  return std::nullopt;
}

unsigned Lane::status_tries() const {
  const std::lock_guard lock(mutex_);
  return status_.tries_failed;
}

}  // namespace hookspool::agent
