#include "agent/repair/comparison.h"

#include <algorithm>
#include <map>

#include "agent/base/log.h"
#include "agent/delivery/held_batch.h"
#include "net/pg/delivery/delivery.h"
#include "net/pg/ledger/ledger.h"
#include "net/pg/ledger/watermarks.h"
#include "net/pg/tables/mapping.h"

namespace hookspool::agent {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kDamagedNumbersMax = 1'000;  // looked at in one go for one that can be read

bool wanted(const ComparisonRequest& request, const StoredEvent& stored) {
  if (request.since_us && stored.event.received_at_us < *request.since_us) return false;
  if (request.until_us && stored.event.received_at_us >= *request.until_us) return false;
  return !request.id || *request.id == stored.id;
}

// What find_events() says, by id. An event in the table counts as that, whatever else is known of it.
std::map<Uuid, net::Standing> by_id(const std::vector<net::Standing>& standings) {
  std::map<Uuid, net::Standing> found;
  for (const auto& standing : standings) {
    const auto [entry, is_new] = found.emplace(standing.id, standing);
    if (!is_new && standing.place < entry->second.place) entry->second = standing;
  }
  return found;
}

// An event that the watermark has passed. One that makes no row lacks none.
void count_known(LaneTally& tally, net::Standing::Place place) {
  switch (place) {
    case net::Standing::Place::kTable:
    case net::Standing::Place::kNoRow:
      tally.in_table += 1;
      return;
    case net::Standing::Place::kDeadLetters:
      tally.dead += 1;
      return;
    case net::Standing::Place::kDiscarded:
      tally.discarded += 1;
      return;
    case net::Standing::Place::kPruned:
      tally.pruned += 1;
      return;
  }
}

using Gaps = std::vector<std::pair<std::uint64_t, std::uint64_t>>;  // first and last number

bool is_in(const Gaps& gaps, std::uint64_t seq) {
  return std::any_of(gaps.begin(), gaps.end(),
                     [&](const auto& gap) { return gap.first <= seq && seq <= gap.second; });
}

// How many numbers of [first, last] no run covers.
std::uint64_t not_retained(std::uint64_t first, std::uint64_t last, const Uuid& epoch,
                           std::span<const storage::LaneRun> runs) {
  std::uint64_t count = last - first + 1;
  for (const auto& run : runs) {
    const auto from = std::max(first, run.first_seq), to = std::min(last, run.last_seq);
    if (run.epoch == epoch && from <= to) count -= to - from + 1;
  }
  return count;
}

}  // namespace

struct Comparison::Work {
  const ComparisonRequest& request;
  net::Pool::Lease connection;
  Clock::time_point until;
  ComparisonSlice slice{};
  std::map<Uuid, std::uint64_t> watermarks{};  // of the lane in hand, by epoch
  Gaps gaps{};                                 // of the run in hand: recorded in PostgreSQL as lost
  bool going_on = false;                       // request.after has not been reached yet
  bool full() const { return Clock::now() >= until; }
  LaneTally& tally() { return slice.lanes.back(); }
  bool filtered() const { return request.since_us || request.until_us || request.id; }
};

AdminResult<ComparisonSlice> Comparison::run(const ComparisonRequest& request) const {
  auto lease = pool_.acquire(Clock::now() + config_.options.connect_timeout);
  if (!lease) return fail(admin_error_of(lease.error()));
  Work work{request, std::move(*lease), Clock::now() + kSliceTime};
  work.going_on = !request.after.lane.empty();
  auto lanes = journal_.lanes();
  std::sort(lanes.begin(), lanes.end());
  if (!request.lane.empty() && std::find(lanes.begin(), lanes.end(), request.lane) == lanes.end()) {
    return fail(
        AdminError{404, "the journal knows no source " + request.lane, "hookspool status lists the lanes."});
  }
  work.slice.done = true;
  for (const auto& lane : lanes) {
    if (!request.lane.empty() && lane != request.lane) continue;
    if (work.going_on && lane < request.after.lane) continue;
    if (lane != request.after.lane) work.going_on = false;
    const auto compared = compare_lane(work, lane);
    // What one table refuses says nothing of the others.
    if (!compared && !work.connection->usable()) return fail(compared.error());
    if (!compared) work.tally().error = compared.error().text;
    if (!work.slice.done) break;
  }
  return std::move(work.slice);
}

AdminResult<void> Comparison::compare_lane(Work& work, const std::string& lane) const {
  work.slice.lanes.emplace_back().lane = lane;
  const auto* own = config_.options.tables ? config_.options.tables->find(lane) : nullptr;
  // Where later events replace rows, an earlier one that is not there says nothing.
  const bool comparable =
      own == nullptr ||
      std::all_of(own->tables.begin(), own->tables.end(), [](const net::TableMapping& table) {
        return table.identified() && table.on_conflict == net::OnConflict::kError;
      });
  if (!comparable) {
    work.tally().comparable = false;
    return {};
  }
  const auto hidden = net::rows_may_be_hidden(*work.connection, config_.options, lane);
  if (!hidden) return fail(admin_error_of(hidden.error()));
  if (*hidden) {
    return fail(
        AdminError{409,
                   "row-level security may hide rows of " +
                       (own != nullptr ? own->shown_names() : config_.options.schema + ".events") +
                       " from the agent's role, and what is hidden is not missing; give the role a policy "
                       "FOR SELECT USING (true), or BYPASSRLS",
                   ""});
  }
  // Read first: what is delivered from here on is above it, and then in the table or on its way.
  auto watermarks = net::read_watermarks(*work.connection, config_.options, journal_.agent_id(), lane);
  if (!watermarks) return fail(admin_error_of(watermarks.error()));
  work.watermarks.clear();
  for (const auto& [epoch, position] : *watermarks) work.watermarks[epoch] = position.seq;

  const auto runs = journal_.runs(lane);
  const auto& after = work.request.after;
  // An epoch that has been dropped meanwhile was older than all that are left.
  bool skipping = work.going_on && std::any_of(runs.begin(), runs.end(),
                                               [&](const auto& run) { return run.epoch == after.epoch; });
  const Uuid counted_before = skipping ? after.epoch : Uuid{};
  Uuid read;
  for (const auto& run : runs) {
    if (skipping && run.epoch != after.epoch) continue;
    const bool in_after = work.going_on && run.epoch == after.epoch;
    skipping = false;
    if (run.epoch != read) {
      read = run.epoch;
      const auto gaps = read_gaps(work, run.epoch);
      if (!gaps) return fail(gaps.error());
      if (run.epoch != counted_before && !work.filtered()) count_gaps(work, run.epoch, runs);
    }
    const auto whole =
        compare_run(work, run, in_after ? std::max(run.first_seq, after.seq + 1) : run.first_seq);
    if (!whole) return fail(whole.error());
    if (!*whole) return {};
  }
  return {};
}

// False: the time is over, and slice.reached says how far it came.
AdminResult<bool> Comparison::compare_run(Work& work, const storage::LaneRun& run,
                                          std::uint64_t from_seq) const {
  const std::string lane = work.tally().lane;
  const RunWalker::Limits limits{held_events_max(config_), held_bytes_max(config_), kDamagedNumbersMax};
  RunWalker walker(journal_, lane, run, from_seq);
  while (!walker.at_end()) {
    if (work.full()) {
      work.slice.done = false;
      work.slice.reached = {lane, run.epoch, walker.next_seq() - 1};
      return false;
    }
    auto read = walker.next(limits);
    // Retention has dropped it since the runs were listed.
    if (!read && read.error().kind == storage::JournalError::Kind::kNotFound) return true;
    if (!read) return fail(admin_error_of(read.error()));
    if (read->damage) {
      count_damage(work, *read->damage);
      continue;
    }
    std::erase_if(read->events, [&](const EventPtr& event) { return !wanted(work.request, *event); });
    const auto compared = compare_batch(work, run, read->events);
    if (!compared) return fail(compared.error());
  }
  return true;
}

// A number that is recorded as lost is just that; what is neither recorded nor readable may still be salvaged.
void Comparison::count_damage(Work& work, const RunWalker::Damage& damage) {
  LaneTally& tally = work.tally();
  for (std::uint64_t seq = damage.first_seq; seq <= damage.last_seq; ++seq) {
    tally.received += 1;
    (is_in(work.gaps, seq) ? tally.gaps : tally.unreadable) += 1;
  }
}

AdminResult<void> Comparison::compare_batch(Work& work, const storage::LaneRun& run,
                                            std::span<const EventPtr> events) const {
  if (events.empty()) return {};
  LaneTally& tally = work.tally();
  const auto standings =
      net::find_events(*work.connection, config_.options, journal_.agent_id(), tally.lane, events);
  if (!standings) return fail(admin_error_of(standings.error()));
  const auto found = by_id(*standings);
  const auto watermark = work.watermarks.find(run.epoch);
  const std::uint64_t passed = watermark == work.watermarks.end() ? 0 : watermark->second;
  std::vector<EventPtr> missing;
  for (const auto& event : events) {
    tally.received += 1;
    const auto place = found.find(event->id);
    const bool known = place != found.end();
    if (known && place->second.place == net::Standing::Place::kTable) {
      tally.in_table += 1;
      const auto& row = place->second;
      if (row.seq != 0 && (row.epoch != event->epoch || row.seq != event->seq)) tally.renumbered += 1;
    } else if (event->seq > passed) {
      tally.pending += 1;
    } else if (known) {
      count_known(tally, place->second.place);
    } else {
      missing.push_back(event);
    }
  }
  tally.missing += missing.size();
  for (const auto& event : missing) {
    if (tally.missing_ids.size() < kMissingListedMax) tally.missing_ids.push_back(event->id);
  }
  if (missing.empty() || !work.request.put_in) return {};
  const auto put = put_in(work, run, missing);
  if (!put) return fail(put.error());
  tally.put_in += *put;
  log_warn("lane " + tally.lane + ": " + std::to_string(missing.size()) +
           " events were missing in PostgreSQL, " + std::to_string(*put) + " of them were put in by id");
  return {};
}

AdminResult<void> Comparison::read_gaps(Work& work, const Uuid& epoch) const {
  const auto gaps =
      net::read_gaps(*work.connection, config_.options, {journal_.agent_id(), epoch, work.tally().lane});
  if (!gaps) return fail(admin_error_of(gaps.error()));
  work.gaps.assign(gaps->begin(), gaps->end());
  return {};
}

// Recorded as lost, and not retained: they count as received, so that nothing that was ever numbered is left out.
void Comparison::count_gaps(Work& work, const Uuid& epoch, std::span<const storage::LaneRun> runs) {
  LaneTally& tally = work.tally();
  for (const auto& [first, last] : work.gaps) {
    if (first > last) continue;
    const auto lost = not_retained(first, last, epoch, runs);
    tally.gaps += lost;
    tally.received += lost;
  }
}

// Under the watermark's lock, so that a lane that goes back at this moment does not send the same rows.
AdminResult<std::uint64_t> Comparison::put_in(Work& work, const storage::LaneRun& run,
                                              std::span<const EventPtr> missing) const {
  auto transaction = net::DeliveryTransaction::begin(
      *work.connection, config_.options, {journal_.agent_id(), run.epoch, work.tally().lane}, false);
  if (!transaction) return fail(admin_error_of(transaction.error()));
  std::vector<EventPtr> rows;
  for (const auto& event : missing) {
    if (!transaction->watermark() || event->seq > transaction->watermark()->seq) continue;
    // One that was put back has no dead letter any more: here it is like any other.
    auto plain = std::make_shared<StoredEvent>(*event);
    plain->event.requeued_id = Uuid{};
    rows.push_back(std::move(plain));
  }
  // All of them lie below the watermark.
  const auto put = transaction->reconcile(rows, rows.empty() ? 0 : rows.back()->seq);
  if (!put) return fail(admin_error_of(put.error()));
  const auto committed = transaction->commit();
  if (!committed) return fail(admin_error_of(committed.error()));
  return *put;
}

}  // namespace hookspool::agent
