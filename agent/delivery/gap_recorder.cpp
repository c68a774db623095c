// Reports lost ranges of ids to the deduplicator, after the gap is committed in PostgreSQL.
#include "agent/delivery/lane.h"

namespace hookspool::agent {

// `after`: the id of the event before `first`; nil where it is not known. A long stretch is passed in steps, and a step ends at
// a number without an id: then what came before the first of them counts.
void Lane::tell_lost(const storage::LaneRun& run, std::uint64_t first, std::uint64_t last, Uuid after) {
  if (!context_.on_lost) return;
  const auto& journal = context_.journal;
  // Of an event that got its id here; those that brought one lie anywhere.
  const auto id_at = [&](const Uuid& epoch, std::uint64_t seq) {
    const auto event = journal.read(name_, epoch, seq, 1, 1);
    return event && !event->front()->event.brings_id() ? event->front()->id : Uuid{};
  };
  const auto runs = journal.runs(name_);
  if (lost_so_far_.epoch == run.epoch && lost_so_far_.last_seq + 1 == first) after = lost_so_far_.after;
  if (after.is_nil() && first > 1) after = id_at(run.epoch, first - 1);
  if (after.is_nil() && first == 1) {
    for (const auto& earlier : runs) {
      if (earlier.epoch == run.epoch) break;
      if (const Uuid id = id_at(earlier.epoch, earlier.last_seq); !id.is_nil()) after = id;
    }
  }
  lost_so_far_ = {run.epoch, last, after};
  if (after.is_nil()) return;  // anything of this source might be meant
  Uuid before;
  bool own_seen = false, more = last < run.last_seq;
  if (more) before = id_at(run.epoch, last + 1);
  for (const auto& later : runs) {
    if (more || (own_seen && !before.is_nil())) break;
    if (own_seen && later.last_seq >= later.first_seq) before = id_at(later.epoch, later.first_seq);
    own_seen = own_seen || (later.epoch == run.epoch && later.last_seq == run.last_seq);
  }
  if (more && before.is_nil()) return;  // the next step says where the stretch ends
  context_.on_lost({name_, after, before});
}

}  // namespace hookspool::agent
