#include "agent/delivery/run_healer.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "agent/base/log.h"
#include "agent/delivery/held_batch.h"
#include "agent/delivery/run_walker.h"

namespace hookspool::agent {
namespace {

constexpr std::size_t kDamagedNumbersMax = 1'000;  // looked at in one go

// Above the watermark the usual delivery brings them.
void drop_above_watermark(const net::DeliveryTransaction& transaction, std::vector<EventPtr>& batch) {
  const std::uint64_t passed = transaction.watermark() ? transaction.watermark()->seq : 0;
  std::erase_if(batch, [&](const EventPtr& event) { return event->seq > passed; });
}

}  // namespace

StepFlow RunHealer::heal(net::Connection& connection) {
  auto& journal = core_.journal();
  const auto gaps = net::read_lane_gaps(connection, core_.config().options, journal.agent_id(), core_.name());
  if (!gaps) return core_.failed(gaps.error());
  const auto runs = journal.runs(core_.name());
  for (const auto& gap : *gaps) {
    for (const auto& run : runs) {
      if (run.epoch != gap.epoch) continue;
      if (auto healing = heal_gap(connection, run, gap); healing.is_over()) return healing;
    }
  }
  healed_to_.clear();
  one_by_one_ = false;
  journal.compared(core_.name());
  return StepFlow::go_on();
}

// What cannot be read here either stays recorded as lost.
StepFlow RunHealer::heal_gap(net::Connection& connection, const storage::LaneRun& run, const net::Gap& gap) {
  storage::LaneRun within = run;
  within.last_seq = std::min(gap.last_seq, run.last_seq);
  const std::uint64_t from_seq = std::max(gap.first_seq, healed_to_[run.epoch] + 1);
  RunWalker walker(core_.journal(), core_.name(), within, from_seq);
  while (!walker.at_end()) {
    const std::size_t events_max =
        one_by_one_
            ? 1
            : std::min<std::size_t>(held_events_max(core_.config()), within.last_seq - walker.next_seq() + 1);
    auto read = walker.next({events_max, held_bytes_max(core_.config()), kDamagedNumbersMax});
    if (!read) {
      if (read.error().kind == storage::JournalError::Kind::kIo) return core_.failed(read.error());
      break;
    }
    if (!read->damage) return heal_batch(connection, run, std::move(read->events));
    healed_to_[run.epoch] = read->damage->last_seq;
  }
  return StepFlow::go_on();
}

LaneStep RunHealer::heal_batch(net::Connection& connection, const storage::LaneRun& run,
                               std::vector<EventPtr> batch) {
  const std::uint64_t last_seq = batch.back()->seq;
  std::optional<net::PgError> refusal;
  {
    auto transaction = core_.begin(connection, run, false);
    if (!transaction) return core_.failed(transaction.error());
    drop_above_watermark(*transaction, batch);
    if (batch.empty()) return looked_at(run, last_seq);
    auto healed = transaction->heal(batch);
    if (healed) {
      if (const auto committed = transaction->commit(); !committed) healed = fail(committed.error());
    }
    if (healed) {
      core_.figures().reconciled += *healed;
      if (*healed > 0) core_.context().wake_ups.delivered(core_.key_of(run), last_seq);
      if (*healed > 0) {
        log_info("lane " + core_.name() + ": " + std::to_string(*healed) + " events up to number " +
                 std::to_string(last_seq) + " of epoch " + run.epoch.to_string() +
                 " had been recorded as lost and are in PostgreSQL now");
      }
      return looked_at(run, last_seq);
    }
    refusal = healed.error();
  }  // which rolls back: a dead letter needs a transaction of its own
  if (!is_refusal(*refusal)) return core_.failed(*refusal);
  if (batch.size() > 1) {
    one_by_one_ = true;
    return LaneStep::more();
  }
  return keep_as_dead_letter(connection, run, *batch.front(), *refusal);
}

LaneStep RunHealer::keep_as_dead_letter(net::Connection& connection, const storage::LaneRun& run,
                                        const StoredEvent& event, const net::PgError& refusal) {
  auto transaction = core_.begin(connection, run, false);
  if (!transaction) return core_.failed(transaction.error());
  if (!transaction->watermark() || event.seq > transaction->watermark()->seq) {
    return looked_at(run, event.seq);  // the watermark went back meanwhile
  }
  // What may pass, or be the table's, stays recorded as lost, and is looked at again with the next connection.
  if (refusal.error_class == net::ErrorClass::kLimit) {
    lines_.warn(refusal.sqlstate,
                "event " + event.id.to_string() +
                    " was recorded as lost and stays so for now: " + refusal.sqlstate + " " + refusal.text,
                core_.now());
    return looked_at(run, event.seq);
  }
  if (const auto control = transaction->probe(); !control) return core_.failed(control.error());
  const auto kept = transaction->heal_as_dead_letter(event, refusal);
  if (!kept) return core_.failed(kept.error());
  const auto committed = transaction->commit();
  if (!committed) return core_.failed(committed.error());
  dead_letters_.made(event, " was recorded as lost and is a dead letter", refusal);
  return looked_at(run, event.seq);
}

LaneStep RunHealer::looked_at(const storage::LaneRun& run, std::uint64_t last_seq) {
  healed_to_[run.epoch] = last_seq;
  return LaneStep::more();
}

}  // namespace hookspool::agent
