// What a lane does with rows that PostgreSQL does not take: it finds the event, and finds out whether it is the event or
// the table, by trying others that wait behind it.
#include <algorithm>

#include "agent/base/log.h"
#include "agent/delivery/lane.h"

namespace hookspool::agent {
namespace {

using Next = Lane::Step::Next;
using Blame = Isolation::Blame;

// Events behind the refused one that are tried in one step; and before the lane waits again, however many there are.
constexpr std::size_t kTriedInAStepMax = 16;
constexpr std::size_t kTriedBytesInAStepMax = 1u << 20;
constexpr milliseconds kTriedLongest{2'000};  // one step; a time-out is not waited for once more
constexpr std::size_t kTriedMax = 10'000;
constexpr std::size_t kTriedBytesMax = 64u << 20;
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

// The transaction with these rows was rolled back, or its connection is gone.
Lane::Step Lane::not_taken(net::Connection& connection, const storage::LaneRun& run, const Batch& batch,
                           const net::PgError& error) {
  if (batch.ahead && !error.connection_lost) return {Next::kMore, {}, {}};  // once more in the usual way
  if (error.connection_lost) {
    return lost(run, batch.first_seq, batch.count, batch.count == 1 ? batch.events.front()->id : Uuid{},
                error);
  }
  const bool asked = batch.count == 1 && bury_wanted(batch.events.front()->id);
  if (error.error_class == net::ErrorClass::kOutage && !asked) return failed(error);
  return refused(connection, run, batch, error);
}

Lane::Step Lane::refused(net::Connection& connection, const storage::LaneRun& run, const Batch& batch,
                         const net::PgError& error) {
  auto& figures = context_.figures;
  (error.error_class == net::ErrorClass::kSetup ? figures.errors_setup : figures.errors_event) += 1;
  live_.close();
  const Blame blame = blame_of(error);
  if (batch.count == 1) {
    const EventPtr& event = batch.events.front();
    note_refused({run.epoch, event->seq, event->id, blame, error});
    if (bury_wanted(event->id)) return bury(connection, run, event, error, false);
  } else if (blame == Blame::kLimit) {
    pace_.too_many(batch.count);
    fewer_lines_.warn(error.sqlstate, std::to_string(batch.count) +
                                          " events at once were too many, so fewer are tried: " + error.text);
  }
  const bool again = batch.count == 1 && !batch.events.front()->event.again.is_nil();
  switch (isolation_.refused(run.epoch, batch.first_seq, batch.count, blame, error.sqlstate, again)) {
    case Isolation::Verdict::kTryAgain:
      return {Next::kMore, {}, {}};
    case Isolation::Verdict::kTryLater:
      return later(error);
    case Isolation::Verdict::kBury:
      return bury(connection, run, batch.events.front(), error, true);
    case Isolation::Verdict::kProve:
      proving_ = true;
      return prove(connection, run);
    case Isolation::Verdict::kHold:
      break;
  }
  return held_by(error);
}

// An event that ends the server's process looks like an outage, but the connection was there when it was sent, each
// time. Before it is sent once more, others are tried over the new connection.
Lane::Step Lane::lost(const storage::LaneRun& run, std::uint64_t first_seq, std::size_t count, const Uuid& id,
                      const net::PgError& error) {
  if (count > 0) {
    const auto verdict = isolation_.refused(run.epoch, first_seq, count, Blame::kLost, error.sqlstate);
    proving_ = verdict == Isolation::Verdict::kProve || verdict == Isolation::Verdict::kBury;
    // Before that it is an outage as any other.
    if (count == 1 && proving_) note_refused({run.epoch, first_seq, id, Blame::kLost, error});
  }
  return failed(error);
}

void Lane::note_refused(Refused refused) {
  refusal_ = std::move(refused);
  const std::lock_guard lock(mutex_);
  status_.refused_id = refusal_->id;
}

// The lane is no longer at the event that was refused.
void Lane::passed() {
  refusal_.reset();
  proving_ = false;
  const std::lock_guard lock(mutex_);
  status_.refused_id = Uuid{};
}

// REQUIRES: refusal_ is of this run. Each event is tried once, however often the lane comes back to this; so a long row
// of refused ones is gone through once.
Lane::Step Lane::prove(net::Connection& connection, const storage::LaneRun& run) {
  const Refused head = *refusal_;
  // The head is tried again when this comes to nothing; one that costs the connection only when nothing else is left.
  proving_ = head.blame == Blame::kLost;
  const auto event = head_of(run, head.seq);
  if (!event) return event.error();
  if (bury_wanted(head.id)) return bury(connection, run, *event, head.error, false);
  auto transaction = net::DeliveryTransaction::begin(connection, config_->options, key_of(run), true);
  if (!transaction) return failed(transaction.error());
  if (transaction->position().seq + 1 != head.seq) return {Next::kMore, {}, {}};
  if (const auto control = transaction->probe(); !control) {
    proving_ = false;
    return control.error().error_class == net::ErrorClass::kSetup ? held_by(control.error())
                                                                  : failed(control.error());
  }
  const auto behind = next_behind(run);
  if (!behind) return failed(behind.error());
  const auto began = Clock::now();
  bool slow = false;
  for (const EventPtr& candidate : *behind) {
    slow = Clock::now() - began >= kTriedLongest;
    if (slow) break;
    search_.epoch = candidate->epoch;
    search_.seq = candidate->seq;
    search_.events += 1;
    search_.bytes += event_bytes(*candidate);
    if (!candidate->event.again.is_nil()) continue;  // a row of it may be there
    const auto taken = transaction->takes(candidate);
    if (!taken) return failed(taken.error());
    if (!*taken) continue;
    taken_ = {candidate->epoch, candidate->seq};
    isolation_.proven(head.seq, candidate->epoch == run.epoch ? candidate->seq : UINT64_MAX);
    search_.events = search_.bytes = 0;
    { const auto rolled_back = std::move(*transaction); }
    return bury(connection, run, *event, head.error, false);
  }
  slow = slow && head.blame == Blame::kLimit;  // everything is, so that is no event's fault
  if (!behind->empty() && !slow && search_.events < kTriedMax && search_.bytes < kTriedBytesMax) {
    proving_ = true;
    return {Next::kMore, {}, {}};
  }
  return unproven();
}

Result<EventPtr, Lane::Step> Lane::head_of(const storage::LaneRun& run, std::uint64_t seq) {
  auto read = context_.journal.read(name_, run.epoch, seq, 1, 1);
  if (read) return read->front();
  // What cannot be read is skipped by the delivery that meets it.
  passed();
  if (read.error().kind == storage::JournalError::Kind::kCorrupt) return fail(Step{Next::kMore, {}, {}});
  return fail(failed(read.error()));
}

// What waits behind the refused event and has not been tried; in this run, then in those after it. None: there is no
// more yet.
storage::JournalResult<std::vector<EventPtr>> Lane::next_behind(const storage::LaneRun& run) {
  const auto runs = context_.journal.runs(name_);
  const auto at = [&](const Uuid& epoch) {
    return std::find_if(runs.begin(), runs.end(), [&](const auto& each) { return each.epoch == epoch; });
  };
  const auto own = at(run.epoch);
  auto from = at(search_.epoch);
  std::uint64_t seq = search_.seq;
  if (from == runs.end() || from < own || (from == own && seq < refusal_->seq)) {
    from = own;
    seq = refusal_->seq;
  }
  // What was taken once is asked again for what may pass: it is the best that there is.
  if (taken_ && (refusal_->blame == Blame::kLost || refusal_->blame == Blame::kLimit ||
                 refusal_->blame == Blame::kConflict)) {
    const auto known = at(taken_->first);
    const bool ahead =
        known != runs.end() && (known > own || (known == own && taken_->second > refusal_->seq));
    if (ahead) {
      from = known;
      seq = taken_->second - 1;
      taken_.reset();
    }
  }
  for (; from != runs.end(); ++from, seq = 0) {
    std::uint64_t next = std::max(seq + 1, from->first_seq);
    if (next > from->last_seq) continue;
    auto read = context_.journal.read(name_, from->epoch, next, kTriedInAStepMax, kTriedBytesInAStepMax);
    if (read || read.error().kind != storage::JournalError::Kind::kCorrupt) return read;
    const auto readable = context_.journal.next_readable(name_, from->epoch, next, kTriedMax);
    if (!readable) return fail(readable.error());
    if (*readable > from->last_seq) continue;
    return context_.journal.read(name_, from->epoch, *readable, kTriedInAStepMax, kTriedBytesInAStepMax);
  }
  return std::vector<EventPtr>();
}

// None that is taken: it may be the table. A new event, or the next try, may tell.
Lane::Step Lane::unproven() {
  isolation_.unproven();
  proving_ = false;
  const std::size_t tried = search_.events;
  search_.events = search_.bytes = 0;
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
  log_debug("lane " + name_ + ": tried " + std::to_string(tried) + " events behind number " +
            std::to_string(refusal_->seq));
  Step step = held_by(error);
  step.sooner = Clock::now() + kNewEventsLooked;
  return step;
}

Lane::Step Lane::held_by(const net::PgError& error) {
  net::PgError described = error;
  described.hint = (error.hint.empty() ? "" : error.hint + "\n") + "hookspool dead bury --source " + name_ +
                   " makes the event that holds the lane (" + refusal_->id.to_string() +
                   ") a dead letter, and --count N up to N that are refused.";
  return held(described);
}

}  // namespace hookspool::agent
