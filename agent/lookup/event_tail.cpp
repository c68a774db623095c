#include "agent/lookup/event_tail.h"

#include <algorithm>
#include <span>
#include <utility>

#include "agent/delivery/run_walker.h"

namespace hookspool::agent {
namespace {

constexpr std::size_t kDamagedNumbersMax = 1'000;  // looked at in one go for one that can be read

std::vector<std::string> wanted_lanes(const storage::Journal& journal, const std::string& source) {
  auto lanes = journal.lanes();
  if (!source.empty()) std::erase_if(lanes, [&](const auto& lane) { return lane != source; });
  std::sort(lanes.begin(), lanes.end());
  return lanes;
}

// What lies behind the place, oldest first. An epoch that is gone was older than all that are left.
std::vector<storage::LaneRun> runs_after(const storage::Journal& journal, const std::string& lane,
                                         const TailPlace& place) {
  auto runs = journal.runs(lane);
  const auto here =
      std::find_if(runs.begin(), runs.end(), [&](const auto& run) { return run.epoch == place.epoch; });
  if (here != runs.end()) runs.erase(runs.begin(), here);
  std::erase_if(runs, [&](const auto& run) { return run.epoch == place.epoch && run.last_seq <= place.seq; });
  return runs;
}

std::uint64_t first_after(const storage::LaneRun& run, const TailPlace& place) {
  return run.epoch == place.epoch ? std::max(run.first_seq, place.seq + 1) : run.first_seq;
}

std::uint64_t count_after(std::span<const storage::LaneRun> runs, const TailPlace& place) {
  std::uint64_t count = 0;
  for (const auto& run : runs)
    count += run.last_seq + 1 - std::min(run.last_seq + 1, first_after(run, place));
  return count;
}

// Reads one lane into the slice.
class LaneTail {
 public:
  LaneTail(const storage::Journal& journal, std::string lane, TailPlace place, TailSlice& slice)
      : journal_(journal), lane_(std::move(lane)), place_(place), slice_(slice) {}

  AdminResult<TailPlace> read(std::size_t events_max, std::size_t bytes_max) {
    const auto runs = runs_after(journal_, lane_, place_);
    const std::uint64_t behind = count_after(runs, place_);
    skip_ = behind > kTailBehindMax ? behind - kTailBehindMax : 0;
    for (const auto& run : runs) {
      const auto whole = read_run(run, events_max, bytes_max);
      if (!whole) return fail(whole.error());
      if (!*whole) break;
    }
    return place_;
  }
  std::size_t bytes() const { return bytes_; }

 private:
  // Numbers between the place and the run's oldest that is retained are gone.
  std::uint64_t begin(const storage::LaneRun& run) {
    const std::uint64_t expected = run.epoch == place_.epoch ? place_.seq + 1 : 1;
    if (run.first_seq > expected && !place_.epoch.is_nil()) slice_.left_out += run.first_seq - expected;
    std::uint64_t from = first_after(run, place_);
    const std::uint64_t skipped = std::min(skip_, run.last_seq + 1 - std::min(run.last_seq + 1, from));
    skip_ -= skipped;
    slice_.left_out += skipped;
    from += skipped;
    place_ = {run.epoch, from - 1};
    return from;
  }

  // False: there is more.
  AdminResult<bool> read_run(const storage::LaneRun& run, std::size_t events_max, std::size_t bytes_max) {
    const std::uint64_t from = begin(run);
    if (from > run.last_seq) return true;
    RunWalker walker(journal_, lane_, run, from);
    while (!walker.at_end()) {
      if (events_ >= events_max || bytes_ >= bytes_max) {
        slice_.more = true;
        return false;
      }
      const auto read = walker.next({events_max - events_, bytes_max - bytes_, kDamagedNumbersMax});
      // Retention was quicker; the next call lists what is left.
      if (!read && read.error().kind == storage::JournalError::Kind::kNotFound) return true;
      if (!read) return fail(admin_error_of(read.error()));
      if (read->damage) slice_.left_out += read->damage->count();
      for (const EventPtr& event : read->events) {
        events_ += 1;
        bytes_ += event->event.body.size() + event->event.headers.size();
        slice_.events.push_back(event);
      }
      place_.seq = walker.next_seq() - 1;
    }
    return true;
  }

  const storage::Journal& journal_;
  const std::string lane_;
  TailPlace place_;
  TailSlice& slice_;
  std::uint64_t skip_ = 0;
  std::size_t events_ = 0, bytes_ = 0;
};

}  // namespace

TailPlaces tail_now(const storage::Journal& journal, const std::string& source) {
  TailPlaces places;
  for (const auto& lane : wanted_lanes(journal, source)) {
    const auto runs = journal.runs(lane);
    if (!runs.empty()) places[lane] = {runs.back().epoch, runs.back().last_seq};
  }
  return places;
}

AdminResult<TailSlice> tail_after(const storage::Journal& journal, const std::string& source,
                                  const TailPlaces& places, std::uint64_t turn) {
  auto lanes = wanted_lanes(journal, source);
  TailSlice slice;
  slice.places = places;
  if (lanes.empty()) return slice;
  const auto first = static_cast<std::ptrdiff_t>(turn % lanes.size());
  std::rotate(lanes.begin(), lanes.begin() + first, lanes.end());
  const std::size_t events_max = std::max<std::size_t>(kTailEventsMax / lanes.size(), 1);
  const std::size_t bytes_max = std::max<std::size_t>(kTailBytesMax / lanes.size(), 1);
  std::size_t bytes = 0;
  for (const auto& lane : lanes) {
    if (bytes >= kTailBytesMax || slice.events.size() >= kTailEventsMax) {
      slice.more = true;
      break;
    }
    const auto known = places.find(lane);
    LaneTail tail(journal, lane, known == places.end() ? TailPlace{} : known->second, slice);
    const auto reached = tail.read(events_max, bytes_max);
    if (!reached) return fail(reached.error());
    slice.places[lane] = *reached;
    bytes += tail.bytes();
  }
  std::sort(slice.events.begin(), slice.events.end(),
            [](const EventPtr& a, const EventPtr& b) { return a->id < b->id; });
  return slice;
}

}  // namespace hookspool::agent
