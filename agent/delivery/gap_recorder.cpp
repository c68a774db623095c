#include "agent/delivery/gap_recorder.h"

#include "agent/base/log.h"

namespace hookspool::agent {
namespace {

// Numbers looked at in one step for one that can be read; what lies behind them is found in the next.
constexpr std::size_t kDamagedNumbersMax = 256;

}  // namespace

// What the disk has lost or altered is lost however long the lane waits: the numbers go into the table of gaps, in the
// transaction that moves the watermark over them.
LaneStep GapRecorder::skip_damaged(net::DeliveryTransaction transaction, const storage::LaneRun& run) {
  core_.live().close();
  // Once more from the disk, past what the failed reader held in memory.
  RunWalker walker(core_.journal(), core_.name(), run, transaction.position().seq + 1);
  const auto read = walker.next({1, 1, kDamagedNumbersMax});
  if (!read) return core_.failed(read.error());
  if (!read->damage) return LaneStep::more();
  const auto recorded = record(transaction, run, *read->damage, Watermark::kOverIt);
  if (!recorded) return core_.failed(recorded.error());
  core_.journal().confirm(core_.name(), run.epoch, transaction.position());
  core_.report().succeeded(false);
  return LaneStep::more();
}

net::PgResult<void> GapRecorder::record(net::DeliveryTransaction& transaction, const storage::LaneRun& run,
                                        const RunWalker::Damage& damage, Watermark watermark) {
  log_error("lane " + core_.name() + ": " + describe(damage, run.epoch));
  const Position before = transaction.position();
  const bool follows = before.seq + 1 == damage.first_seq;
  if (!follows) transaction.settle({damage.first_seq - 1, Uuid{}});
  if (auto skipped = transaction.skip_gap(damage.last_seq); !skipped) return skipped;
  if (watermark == Watermark::kStays) transaction.settle(before);
  if (auto committed = transaction.commit(); !committed) return committed;
  core_.figures().gaps += damage.count();
  log_error("lane " + core_.name() + ": these numbers are recorded in PostgreSQL's table of gaps");
  report_lost(run, damage.first_seq, damage.last_seq, follows ? before.id : Uuid{});
  return {};
}

net::PgResult<void> GapRecorder::skip_unretained(net::DeliveryTransaction& transaction,
                                                 const storage::LaneRun& run) {
  const Position before = transaction.position();
  const auto skipped = transaction.skip_gap(run.first_seq - 1);
  if (!skipped) return skipped;
  core_.figures().gaps += run.first_seq - 1 - before.seq;
  report_lost(run, before.seq + 1, run.first_seq - 1, before.id);
  return {};
}

// `after`: the id of the event before `first`; nil where it is not known. A long stretch is passed in steps, and a step ends at
// a number without an id: then what came before the first of them counts.
void GapRecorder::report_lost(const storage::LaneRun& run, std::uint64_t first, std::uint64_t last,
                              Uuid after) {
  if (!core_.context().on_lost) return;
  if (last_stretch_.epoch == run.epoch && last_stretch_.last_seq + 1 == first) after = last_stretch_.after;
  if (after.is_nil()) after = id_before(run, first);
  last_stretch_ = {run.epoch, last, after};
  if (after.is_nil()) return;  // anything of this source might be meant
  Uuid before;
  bool own_seen = false;
  const bool more = last < run.last_seq;
  if (more) before = assigned_id(run.epoch, last + 1);
  for (const auto& later : core_.journal().runs(core_.name())) {
    if (more || (own_seen && !before.is_nil())) break;
    if (own_seen && later.last_seq >= later.first_seq) before = assigned_id(later.epoch, later.first_seq);
    own_seen = own_seen || (later.epoch == run.epoch && later.last_seq == run.last_seq);
  }
  if (more && before.is_nil()) return;  // the next step reports where the stretch ends
  core_.context().on_lost({core_.name(), after, before});
}

// The id of the event before `first`, in this run or, where it begins the run, in those before; nil: not known.
Uuid GapRecorder::id_before(const storage::LaneRun& run, std::uint64_t first) const {
  if (first > 1) return assigned_id(run.epoch, first - 1);
  Uuid before;
  for (const auto& earlier : core_.journal().runs(core_.name())) {
    if (earlier.epoch == run.epoch) break;
    if (const Uuid id = assigned_id(earlier.epoch, earlier.last_seq); !id.is_nil()) before = id;
  }
  return before;
}

// Of an event that got its id here; those that brought one lie anywhere.
Uuid GapRecorder::assigned_id(const Uuid& epoch, std::uint64_t seq) const {
  const auto event = core_.journal().read(core_.name(), epoch, seq, 1, 1);
  return event && !event->front()->event.has_preassigned_id() ? event->front()->id : Uuid{};
}

}  // namespace hookspool::agent
