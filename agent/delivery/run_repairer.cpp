#include "agent/delivery/run_repairer.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "agent/base/log.h"
#include "agent/delivery/held_batch.h"

namespace hookspool::agent {
namespace {

// Numbers looked at in one step for one that can be read; what lies behind them is found in the next.
constexpr std::size_t kDamagedNumbersMax = 256;

}  // namespace

RunWalker::Limits RunRepairer::limits() const {
  return {one_by_one_ ? 1 : held_events_max(core_.config()), held_bytes_max(core_.config()),
          kDamagedNumbersMax};
}

LaneStep RunRepairer::reconcile(net::Connection& connection, net::DeliveryTransaction transaction,
                                const storage::LaneRun& run, const std::string& reason) {
  auto& journal = core_.journal();
  core_.live().close();
  if (run.current) {
    log_error("lane " + core_.name() + ": " + reason +
              ". A new epoch begins; what is not proven is compared by id");
    const auto begun = journal.begin_epoch();
    if (!begun) return core_.failed(begun.error());
    return LaneStep::more();
  }
  RunWalker walker(journal, core_.name(), run, run.confirmed.seq + 1);
  if (walker.at_end()) return LaneStep::more();
  const std::uint64_t from_seq = walker.next_seq();
  const auto read = walker.next(limits());
  if (!read) return core_.failed(read.error());
  if (read->damage) {
    const auto recorded = gaps_.record(transaction, run, *read->damage, GapRecorder::Watermark::kStays);
    if (!recorded) return core_.failed(recorded.error());
    journal.confirm(core_.name(), run.epoch, {read->damage->last_seq, Uuid{}});
    return LaneStep::more();
  }
  const std::vector<EventPtr>& batch = read->events;
  auto missing = transaction.reconcile(batch, run.confirmed.seq);
  if (missing) {
    if (const auto committed = transaction.commit(); !committed) missing = fail(committed.error());
  }
  if (missing) {
    refused_in_a_row_ = 0;
  } else {
    { const auto rolled_back = std::move(transaction); }
    if (auto kept = keep_refused(connection, run, batch, missing.error()); kept.is_over())
      return std::move(kept).result();
    missing = std::uint64_t{0};
  }
  core_.figures().reconciled += *missing;
  if (*missing > 0) core_.context().wake_ups.delivered(core_.key_of(run), batch.back()->seq);
  if (from_seq == std::max<std::uint64_t>(run.first_seq, 1) || *missing > 0) {
    log_warn("lane " + core_.name() + ": " + reason + ". Compared " + std::to_string(batch.size()) +
             " events by id, " + std::to_string(*missing) + " were missing");
  }
  journal.confirm(core_.name(), run.epoch, {batch.back()->seq, batch.back()->id});
  core_.report().succeeded(false);
  return LaneStep::more();
}

LaneStep RunRepairer::repair(net::Connection& connection) {
  core_.live().close();
  for (const auto& run : core_.journal().runs(core_.name())) {
    if (auto repairing = repair_run(connection, run); repairing.is_over())
      return std::move(repairing).result();
  }
  return done();
}

// One batch; goes on where the run has nothing more to compare.
StepFlow RunRepairer::repair_run(net::Connection& connection, const storage::LaneRun& run) {
  RunWalker walker(core_.journal(), core_.name(), run, repaired_to_[run.epoch] + 1);
  if (walker.at_end()) return StepFlow::go_on();
  const auto read = walker.next(limits());
  if (!read) return core_.failed(read.error());
  auto begun = core_.begin(connection, run, true);
  if (!begun) return core_.failed(begun.error());
  std::optional<net::DeliveryTransaction> transaction(std::move(*begun));
  if (!transaction->comparable()) return settle_unseen(*transaction, run);
  if (read->damage) {
    // Some of them may be in PostgreSQL. What salvage finds of them is compared by id, so a gap too many does no harm.
    const auto recorded = gaps_.record(*transaction, run, *read->damage, GapRecorder::Watermark::kOverIt);
    if (!recorded) return core_.failed(recorded.error());
    repaired_to_[run.epoch] = read->damage->last_seq;
    core_.journal().confirm(core_.name(), run.epoch, transaction->position(), true);
    return LaneStep::more();
  }
  const std::vector<EventPtr>& batch = read->events;
  auto missing = transaction->reconcile(batch, run.confirmed.seq);
  const Position reached{batch.back()->seq, batch.back()->id};
  transaction->settle(reached);
  if (missing) {
    if (const auto committed = transaction->commit(); !committed) missing = fail(committed.error());
  }
  if (!missing) {
    transaction.reset();
    // One that became a dead letter is compared again: then it is there, and the watermark passes it.
    auto kept = keep_refused(connection, run, batch, missing.error());
    return kept.is_over() ? std::move(kept) : LaneStep::more();
  }
  refused_in_a_row_ = 0;
  core_.figures().reconciled += *missing;
  if (*missing > 0) core_.context().wake_ups.delivered(core_.key_of(run), batch.back()->seq);
  repaired_to_[run.epoch] = reached.seq;
  core_.journal().confirm(core_.name(), run.epoch, reached, true);
  return LaneStep::more();
}

LaneStep RunRepairer::done() {
  requested_ = one_by_one_ = false;
  repaired_to_.clear();
  log_info("lane " + core_.name() +
           (std::exchange(repaired_unseen_, false)
                ? ": repaired without comparing: its table has no column with the event's id, so what the "
                  "journal knows as confirmed is believed, and nothing was sent"
                : ": repaired; every retained event is in PostgreSQL, or among the dead letters"));
  core_.report().succeeded(false);
  return LaneStep::more();
}

// Rows that cannot be distinguished are not sent on a guess: what the journal knows as confirmed counts, and the lane goes
// on after it.
StepFlow RunRepairer::settle_unseen(net::DeliveryTransaction& transaction, const storage::LaneRun& run) {
  repaired_to_[run.epoch] = run.last_seq;
  repaired_unseen_ = true;
  if (transaction.position().seq >= run.confirmed.seq) return StepFlow::go_on();
  transaction.settle(run.confirmed);
  const auto committed = transaction.commit();
  if (!committed) return core_.failed(committed.error());
  log_warn("lane " + core_.name() + ": watermark set to " + std::to_string(run.confirmed.seq) +
           " as PostgreSQL confirmed; nothing was compared");
  return StepFlow::go_on();
}

// While events are compared by id one of them may be refused as in any delivery. Goes on when it is a dead letter.
// REQUIRES: the transaction that was refused is rolled back.
StepFlow RunRepairer::keep_refused(net::Connection& connection, const storage::LaneRun& run,
                                   const std::vector<EventPtr>& batch, const net::PgError& error) {
  if (!is_refusal(error)) return core_.failed(error);
  if (batch.size() > 1) {
    one_by_one_ = true;
    return LaneStep::more();
  }
  const std::size_t hold_after = core_.config().hold_after;
  const bool may_pass = error.error_class == net::ErrorClass::kLimit;
  if (may_pass && core_.report().tries_failed() < LaneStatus::kTriesBeforeStuck) return core_.failed(error);
  if (hold_after > 0 && refused_in_a_row_ >= hold_after) return core_.failed(error);
  auto transaction = core_.begin(connection, run, true);
  if (!transaction) return core_.failed(transaction.error());
  if (const auto control = transaction->probe(); !control) return core_.failed(control.error());
  const StoredEvent& event = *batch.front();
  if (const auto kept = transaction->keep(event, error); !kept) return core_.failed(kept.error());
  if (const auto committed = transaction->commit(); !committed) return core_.failed(committed.error());
  refused_in_a_row_ += 1;
  dead_letters_.made(event, " (number " + std::to_string(event.seq) + ") was missing and is a dead letter",
                     error);
  return StepFlow::go_on();
}

}  // namespace hookspool::agent
