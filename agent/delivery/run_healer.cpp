// Events that PostgreSQL has recorded as lost and that the journal holds after all, because an old segment came
// back or could be read again. They go in under their own numbers, the record and the rows in one transaction.
#include <algorithm>

#include "agent/base/log.h"
#include "agent/delivery/held_batch.h"
#include "agent/delivery/lane.h"
#include "net/pg/ledger/ledger.h"

namespace hookspool::agent {
namespace {

using Next = Lane::Step::Next;

constexpr std::size_t kTriesMax = 1'000;  // numbers that cannot be read, looked at in one go

}  // namespace

// One batch at a time; nothing once all that is retained has been looked at.
std::optional<Lane::Step> Lane::heal(net::Connection& connection) {
  auto& journal = context_.journal;
  const auto gaps = net::read_lane_gaps(connection, config_->options, journal.agent_id(), name_);
  if (!gaps) return failed(gaps.error());
  const auto runs = journal.runs(name_);
  for (const auto& gap : *gaps) {
    for (const auto& run : runs) {
      if (run.epoch != gap.epoch) continue;
      const std::uint64_t last_seq = std::min(gap.last_seq, run.last_seq);
      for (;;) {
        const std::uint64_t from_seq = std::max({gap.first_seq, run.first_seq, healed_to_[run.epoch] + 1});
        if (from_seq > last_seq) break;
        const std::size_t events_max =
            heal_one_by_one_ ? 1 : std::min<std::size_t>(held_events_max(*config_), last_seq - from_seq + 1);
        auto batch = journal.read(name_, run.epoch, from_seq, events_max, held_bytes_max(*config_));
        if (batch) return heal_batch(connection, run, std::move(*batch));
        if (batch.error().kind == storage::JournalError::Kind::kIo) return failed(batch.error());
        if (batch.error().kind != storage::JournalError::Kind::kCorrupt) break;
        // What cannot be read here either stays recorded as lost.
        const auto readable = journal.next_readable(name_, run.epoch, from_seq, kTriesMax);
        if (!readable) return failed(readable.error());
        healed_to_[run.epoch] = *readable - 1;
      }
    }
  }
  healed_to_.clear();
  heal_one_by_one_ = false;
  journal.compared(name_);
  return std::nullopt;
}

Lane::Step Lane::heal_batch(net::Connection& connection, const storage::LaneRun& run,
                            std::vector<EventPtr> batch) {
  const std::uint64_t last_seq = batch.back()->seq;
  std::uint64_t healed = 0;
  std::optional<net::PgError> refusal;
  for (int attempt = 0; attempt < 2; ++attempt) {
    auto transaction = net::DeliveryTransaction::begin(connection, config_->options, key_of(run), false);
    if (!transaction) return failed(transaction.error());
    // Above the watermark the lane's usual way brings them.
    const std::uint64_t passed = transaction->watermark() ? transaction->watermark()->seq : 0;
    std::erase_if(batch, [&](const EventPtr& event) { return event->seq > passed; });
    if (batch.empty()) break;
    net::PgResult<void> done;
    if (refusal) {
      // What may pass, or be the table's, stays recorded as lost, and is looked at again with the next connection.
      if (refusal->error_class == net::ErrorClass::kLimit) return stays_lost(run, *batch.front(), *refusal);
      if (const auto control = transaction->probe(); !control) return failed(control.error());
      done = transaction->heal_as_dead_letter(*batch.front(), *refusal);
    } else if (const auto put = transaction->heal(batch); put) {
      healed = *put;
    } else {
      done = fail(put.error());
    }
    if (done) done = transaction->commit();
    if (done) break;
    const auto error_class = done.error().error_class;
    const bool refused = error_class == net::ErrorClass::kEvent || error_class == net::ErrorClass::kUnclear ||
                         error_class == net::ErrorClass::kLimit;
    if (!refused || refusal || done.error().connection_lost) return failed(done.error());
    if (batch.size() > 1) {
      heal_one_by_one_ = true;
      return {Next::kMore, {}, {}};
    }
    refusal = done.error();  // which rolls back; a dead letter needs a transaction of its own
  }
  healed_to_[run.epoch] = last_seq;
  if (refusal) {
    context_.figures.buried += 1;
    dead_lines_.warn(refusal->sqlstate, "event " + batch.front()->id.to_string() +
                                            " was recorded as lost and is a dead letter: " +
                                            refusal->sqlstate + " " + refusal->text);
    if (context_.on_buried) context_.on_buried(*batch.front(), *refusal);
  } else if (healed > 0) {
    context_.figures.reconciled += healed;
    log_info("lane " + name_ + ": " + std::to_string(healed) + " events up to number " +
             std::to_string(last_seq) + " of epoch " + run.epoch.to_string() +
             " had been recorded as lost and are in PostgreSQL now");
  }
  return {Next::kMore, {}, {}};
}

Lane::Step Lane::stays_lost(const storage::LaneRun& run, const StoredEvent& event,
                            const net::PgError& error) {
  healed_to_[run.epoch] = event.seq;
  lost_lines_.warn(error.sqlstate, "event " + event.id.to_string() +
                                       " was recorded as lost and stays so for now: " + error.sqlstate + " " +
                                       error.text);
  return {Next::kMore, {}, {}};
}

}  // namespace hookspool::agent
