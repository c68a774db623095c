#include "agent/lookup/event_search.h"

#include <algorithm>
#include <utility>

#include "agent/delivery/run_walker.h"

namespace hookspool::agent {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kNearEventsMax = 64;  // looked at for one that was accepted there

// The journal's ids never fall behind the clock, and only grow, so all that lies below an event with an older id was
// received before as well, in whatever order the clock has stamped it.
bool is_older(const StoredEvent& stored, const EventCriteria& criteria) {
  if (stored.event.has_preassigned_id()) return false;
  if (criteria.id && stored.id < *criteria.id) return true;
  const std::int64_t since_us = criteria.since_us.value_or(0);
  return since_us > 0 && stored.id < first_uuid_of(static_cast<std::uint64_t>(since_us / 1'000));
}

}  // namespace

FoundEvent found_event(const StoredEvent& stored, const storage::LaneRun& run) {
  const Event& event = stored.event;
  FoundEvent found{.id = stored.id, .epoch = stored.epoch, .seq = stored.seq, .event = {}};
  found.event.lane = event.lane;
  found.event.received_at_us = event.received_at_us;
  found.event.delivery_id = event.delivery_id;
  found.event.method = event.method;
  found.event.path = event.path;
  found.event.query = event.query;
  found.event.remote_addr = event.remote_addr;
  found.event.content_type = event.content_type;
  found.event.requeued_id = event.requeued_id;
  found.event.quarantine_id = event.quarantine_id;
  found.body_bytes = event.body.size();
  found.passed = stored.seq <= run.confirmed.seq;
  return found;
}

struct EventSearch::Work {
  const EventSearchRequest& request;
  const Clock::time_point until = Clock::now() + kSliceTime;
  EventSearchSlice slice{};
  std::uint64_t found = 0;  // of the lane in hand
  std::uint64_t block_events = kBlockEventsMax;
  bool lane_is_full() const { return found >= request.per_source; }
  bool over() const { return Clock::now() >= until || slice.events.size() >= kFoundMax; }
};

AdminResult<EventSearchSlice> EventSearch::run(const EventSearchRequest& request) const {
  auto lanes = journal_.lanes();
  std::sort(lanes.begin(), lanes.end());
  const std::string& source = request.criteria.source;
  if (!source.empty() && !std::binary_search(lanes.begin(), lanes.end(), source)) {
    return fail(AdminError{404, "the journal holds nothing of a source " + source,
                           "hookspool status lists the lanes."});
  }
  Work work{request};
  for (const auto& lane : lanes) {
    if (!source.empty() && lane != source) continue;
    if (request.after && lane < request.after->lane) continue;
    const auto searched = search_lane(work, lane);
    if (!searched) return fail(searched.error());
    if (work.slice.after) break;
  }
  return std::move(work.slice);
}

AdminResult<void> EventSearch::search_lane(Work& work, const std::string& lane) const {
  const auto& after = work.request.after;
  // An epoch that has been dropped meanwhile was older than all that are left: nothing of the lane lies below it.
  bool skipping = after && after->lane == lane;
  work.found = skipping ? after->found : 0;
  auto runs = journal_.runs(lane);
  std::reverse(runs.begin(), runs.end());
  for (const auto& run : runs) {
    std::uint64_t below = run.last_seq + 1;
    if (skipping) {
      if (run.epoch != after->epoch || run.first_seq >= after->seq) continue;
      skipping = false;
      below = std::min(below, after->seq);
    }
    if (work.lane_is_full()) return {};
    const auto whole = search_run(work, lane, run, below);
    if (!whole) return fail(whole.error());
    if (!*whole) return {};
  }
  return {};
}

// False: the slice is over, and slice.after says how far it came.
AdminResult<bool> EventSearch::search_run(Work& work, const std::string& lane, const storage::LaneRun& run,
                                          std::uint64_t below) const {
  while (below > run.first_seq && !work.lane_is_full()) {
    if (work.over()) {
      work.slice.after = EventSearchRequest::Place{lane, run.epoch, below, work.found};
      return false;
    }
    const std::uint64_t first =
        below - std::min<std::uint64_t>(below - run.first_seq, std::max<std::uint64_t>(work.block_events, 1));
    const auto more = search_block(work, lane, run, first, below);
    if (!more) return fail(more.error());
    if (!*more) return true;
    below = first;
  }
  return true;
}

// The numbers from `first` on that lie below `below`. False: nothing older is wanted.
AdminResult<bool> EventSearch::search_block(Work& work, const std::string& lane, const storage::LaneRun& run,
                                            std::uint64_t first, std::uint64_t below) const {
  storage::LaneRun block = run;
  block.last_seq = below - 1;
  RunWalker walker(journal_, lane, block, first);
  std::vector<FoundEvent> found;
  std::size_t bytes = 0;
  bool more = true;
  while (!walker.at_end()) {
    const auto read = walker.next(
        {static_cast<std::size_t>(below - walker.next_seq()), kBlockBytesMax, kDamagedNumbersMax});
    // Retention has dropped it since the runs were listed, and what is older as well.
    if (!read && read.error().kind == storage::JournalError::Kind::kNotFound) {
      more = false;
      break;
    }
    if (!read) return fail(admin_error_of(read.error()));
    if (read->damage) work.slice.unreadable += read->damage->count();
    for (const EventPtr& event : read->events) {
      work.slice.looked_at += 1;
      bytes += event->event.body.size();
      if (is_older(*event, work.request.criteria)) more = false;
      if (work.request.criteria.hold(*event)) found.push_back(found_event(*event, run));
    }
  }
  if (bytes > kBlockBytesMax) work.block_events = std::max<std::uint64_t>(work.block_events / 2, 1);
  if (bytes < kBlockBytesMax / 4)
    work.block_events = std::min<std::uint64_t>(work.block_events * 2, kBlockEventsMax);
  std::reverse(found.begin(), found.end());
  for (auto& event : found) {
    if (work.lane_is_full()) break;
    work.slice.events.push_back(std::move(event));
    work.found += 1;
  }
  return more;
}

AdminResult<EventPtr> EventSearch::find_accepted(const Uuid& id, const std::string& source) const {
  for (const auto& lane : journal_.lanes()) {
    if (!source.empty() && lane != source) continue;
    for (const auto& run : journal_.runs(lane)) {
      if (EventPtr event = find_in_run(id, lane, run)) return event;
    }
  }
  return EventPtr{};
}

EventPtr EventSearch::find_in_run(const Uuid& id, const std::string& lane,
                                  const storage::LaneRun& run) const {
  std::uint64_t from = run.first_seq, below = run.last_seq + 1;
  while (from < below) {
    const std::uint64_t middle = from + (below - from) / 2;
    EventPtr event = accepted_near(lane, run, middle);
    if (event && event->id == id) return event;
    if (event && event->seq < below && event->id < id) {
      from = event->seq + 1;
    } else {
      below = middle;
    }
  }
  return nullptr;
}

// The first from this number on that was given its id there. Nothing where none is near, or none can be read.
EventPtr EventSearch::accepted_near(const std::string& lane, const storage::LaneRun& run,
                                    std::uint64_t seq) const {
  for (std::size_t looked_at = 0; looked_at < kNearEventsMax && seq <= run.last_seq;) {
    const auto events = journal_.read(lane, run.epoch, seq, kNearEventsMax / 8, 1);
    if (!events) return nullptr;
    for (const EventPtr& event : *events) {
      if (!event->event.has_preassigned_id()) return event;
    }
    looked_at += events->size();
    seq = events->back()->seq + 1;
  }
  return nullptr;
}

}  // namespace hookspool::agent
