#include "storage/catalogue.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "storage/row.h"

namespace hookspool::storage {
namespace {

// The first piece that does not end before this number.
template <class Pieces>
auto place_of(Pieces& pieces, std::uint64_t seq) {
  return std::partition_point(pieces.begin(), pieces.end(),
                              [&](const auto& piece) { return piece.last_seq < seq; });
}

}  // namespace

// Within a piece every event counts as its average.
Catalogue::Waiting Catalogue::waiting_of(const Piece& piece, std::uint64_t confirmed_seq) {
  const std::uint64_t done = std::max(confirmed_seq, piece.first_seq - 1);
  if (piece.last_seq <= done) return {};
  const std::uint64_t events = piece.last_seq - piece.first_seq + 1;
  const std::uint64_t waiting = piece.last_seq - done;
  if (waiting == events) return {waiting, piece.bytes};
  return {waiting, static_cast<std::uint64_t>(static_cast<double>(piece.bytes) *
                                              static_cast<double>(waiting) / static_cast<double>(events))};
}

// After a change of its pieces or of what is confirmed.
void Catalogue::recount(Run& run) {
  pending_ -= run.waiting.events;
  pending_bytes_ -= run.waiting.bytes;
  run.waiting = {};
  for (const Piece& piece : run.pieces) {
    const Waiting waiting = waiting_of(piece, run.confirmed.seq);
    run.waiting.events += waiting.events;
    run.waiting.bytes += waiting.bytes;
  }
  pending_ += run.waiting.events;
  pending_bytes_ += run.waiting.bytes;
}

const Catalogue::Run* Catalogue::find_run(std::string_view lane, const Uuid& epoch) const {
  const auto found = lanes_.find(lane);
  if (found == lanes_.end()) return nullptr;
  // The newest epochs are asked for most.
  const auto run = std::find_if(found->second.rbegin(), found->second.rend(),
                                [&](const Run& candidate) { return candidate.epoch == epoch; });
  return run == found->second.rend() ? nullptr : &*run;
}

Catalogue::Run* Catalogue::find_run(std::string_view lane, const Uuid& epoch) {
  return const_cast<Run*>(std::as_const(*this).find_run(lane, epoch));
}

Catalogue::Run& Catalogue::run_of(const std::string& lane, const Uuid& epoch) {
  if (Run* run = find_run(lane, epoch)) return *run;
  Run run;
  run.epoch = epoch;
  return lanes_[lane].emplace_back(std::move(run));
}

bool Catalogue::add_closed(const SegmentContents& contents) {
  const std::lock_guard lock(mutex_);
  for (const SegmentLane& lane : contents.lanes) {
    const Run* run = find_run(lane.lane, contents.epoch);
    if (run == nullptr) continue;
    const auto piece = place_of(run->pieces, lane.first_seq);
    if (piece != run->pieces.end() && piece->first_seq <= lane.last_seq) return false;
  }
  Segment segment;
  segment.file = contents.file;
  segment.epoch = contents.epoch;
  segment.bytes = contents.bytes;
  segment.newest_received_at_us = contents.newest_received_at_us;
  segment.greatest_id = contents.greatest_id;
  for (const SegmentLane& lane : contents.lanes) segment.events += lane.last_seq - lane.first_seq + 1;
  for (const SegmentLane& lane : contents.lanes) {
    Run& run = run_of(lane.lane, contents.epoch);
    // How large each event is would take reading all of them; the segment's size is known.
    const double share =
        static_cast<double>(lane.last_seq - lane.first_seq + 1) / static_cast<double>(segment.events);
    const auto bytes = static_cast<std::uint64_t>(share * static_cast<double>(segment.bytes));
    run.pieces.insert(place_of(run.pieces, lane.first_seq),
                      {contents.file->number, lane.number, lane.first_seq, lane.last_seq, bytes});
    run.last_seq = std::max(run.last_seq, lane.last_seq);
    recount(run);
    segment.lanes.emplace(lane.lane, lane.first_seq);
    if (contents.salvaged) segment.uncompared.insert(lane.lane);
  }
  bytes_ += segment.bytes;
  segments_.emplace(contents.file->number, std::move(segment));
  return true;
}

void Catalogue::set_cursor(const Cursor& cursor) {
  const std::lock_guard lock(mutex_);
  Run* run = find_run(cursor.lane, cursor.epoch);
  if (run == nullptr || cursor.position.seq > run->last_seq) return;
  run->confirmed = cursor.position;
  recount(*run);
}

void Catalogue::begin_segment(std::shared_ptr<SegmentFile> file, const Uuid& greatest_id) {
  const std::lock_guard lock(mutex_);
  active_ = file->number;
  Segment& segment = segments_[file->number];
  segment.file = std::move(file);
  segment.epoch = epoch_;
  segment.greatest_id = greatest_id;
  segment.active = true;
  // The new segment takes over all cursors that are still of use, so that older ones can go.
  for (const auto& [lane, runs] : lanes_) {
    for (const Run& run : runs) {
      if (run.confirmed.seq > 0) changed_cursors_.emplace(lane, run.epoch);
    }
  }
}

void Catalogue::committed(std::span<const EventPtr> events, std::span<const std::uint32_t> lane_numbers,
                          std::span<const std::size_t> stored_bytes, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  Segment& segment = segments_.at(active_.value());
  bytes_ += bytes - segment.bytes;
  segment.bytes = bytes;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const StoredEvent& stored = *events[i];
    Run& run = run_of(stored.event.lane, stored.epoch);
    if (run.pieces.empty() || run.pieces.back().segment != segment.file->number) {
      run.pieces.push_back({segment.file->number, lane_numbers[i], stored.seq, stored.seq, 0});
      segment.lanes.emplace(stored.event.lane, stored.seq);
    }
    run.pieces.back().last_seq = stored.seq;
    run.pieces.back().bytes += stored_bytes[i];
    run.waiting.events += 1;
    run.waiting.bytes += stored_bytes[i];
    pending_bytes_ += stored_bytes[i];
    run.last_seq = stored.seq;
    segment.newest_received_at_us =
        segment.events == 0 ? stored.event.received_at_us
                            : std::max(segment.newest_received_at_us, stored.event.received_at_us);
    ++segment.events;
    segment.greatest_id = std::max(segment.greatest_id, stored.id);
  }
  pending_ += events.size();
}

void Catalogue::set_active_bytes(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  Segment& segment = segments_.at(active_.value());
  bytes_ += bytes - segment.bytes;
  segment.bytes = bytes;
}

void Catalogue::end_segment() {
  const std::lock_guard lock(mutex_);
  segments_.at(active_.value()).active = false;
  active_.reset();
}

void Catalogue::begin_epoch(const Uuid& epoch) {
  const std::lock_guard lock(mutex_);
  epoch_ = epoch;
  std::vector<std::string> names;
  for (const auto& [lane, runs] : lanes_) names.push_back(lane);
  for (const std::string& lane : names) forget_empty_runs(lane);
}

std::vector<Cursor> Catalogue::take_changed_cursors() {
  const std::lock_guard lock(mutex_);
  std::vector<Cursor> cursors;
  for (const auto& [lane, epoch] : std::exchange(changed_cursors_, {})) {
    if (const Run* run = find_run(lane, epoch)) cursors.push_back({epoch, lane, run->confirmed});
  }
  return cursors;
}

void Catalogue::put_back(const std::vector<Cursor>& cursors) {
  const std::lock_guard lock(mutex_);
  for (const Cursor& cursor : cursors) changed_cursors_.emplace(cursor.lane, cursor.epoch);
}

bool Catalogue::has_changed_cursors() const {
  const std::lock_guard lock(mutex_);
  return !changed_cursors_.empty();
}

bool Catalogue::knows_lane(std::string_view lane) const {
  const std::lock_guard lock(mutex_);
  return lanes_.find(lane) != lanes_.end();
}

std::size_t Catalogue::lane_count() const {
  const std::lock_guard lock(mutex_);
  return lanes_.size();
}

std::uint64_t Catalogue::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

Uuid Catalogue::epoch() const {
  const std::lock_guard lock(mutex_);
  return epoch_;
}

std::vector<std::string> Catalogue::lanes() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  names.reserve(lanes_.size());
  for (const auto& [lane, runs] : lanes_) names.push_back(lane);
  return names;
}

std::vector<LaneRun> Catalogue::runs(std::string_view lane) const {
  const std::lock_guard lock(mutex_);
  std::vector<LaneRun> result;
  const auto found = lanes_.find(lane);
  if (found == lanes_.end()) return result;
  for (const Run& run : found->second) {
    LaneRun stretch{run.epoch, run.last_seq + 1, run.last_seq, run.confirmed, run.epoch == epoch_};
    for (const Piece& piece : run.pieces) {
      if (&piece == &run.pieces.front()) {
        stretch.first_seq = piece.first_seq;
      } else if (piece.first_seq != stretch.last_seq + 1) {
        result.push_back(stretch);
        stretch.first_seq = piece.first_seq;
      }
      stretch.last_seq = piece.last_seq;
    }
    result.push_back(stretch);
  }
  return result;
}

std::vector<ReadSlice> Catalogue::locate(std::string_view lane, const Uuid& epoch, std::uint64_t from_seq,
                                         std::size_t events_max) const {
  const std::lock_guard lock(mutex_);
  std::vector<ReadSlice> slices;
  const Run* run = find_run(lane, epoch);
  if (run == nullptr) return slices;
  auto piece = place_of(run->pieces, from_seq);
  for (std::uint64_t next = from_seq; piece != run->pieces.end() && next - from_seq < events_max; ++piece) {
    if (piece->first_seq > next) break;
    const Segment& segment = segments_.at(piece->segment);
    slices.push_back({segment.file, piece->lane_number, next, piece->last_seq});
    if (events_max > 1 && is_worth_reading_ahead(segment, *piece))
      slices.back().read_ahead_at = static_cast<double>(next - piece->first_seq) /
                                    static_cast<double>(piece->last_seq - piece->first_seq + 1);
    next = piece->last_seq + 1;
  }
  return slices;
}

// Whether what waits in the segment is so much that reading all of it is faster than picking out the pages. Of many lanes a
// few must do to tell.
bool Catalogue::is_worth_reading_ahead(const Segment& segment, const Piece& piece) const {
  constexpr std::uint64_t kShare = 16;
  constexpr int kLanesMax = 16;
  if (segment.active) return false;
  if ((piece.last_seq - piece.first_seq + 1) * kShare >= segment.events) return true;
  Waiting waiting;
  std::uint64_t events = 0;
  int lanes = 0;
  for (auto lane = segment.lanes.begin(); lane != segment.lanes.end() && lanes < kLanesMax; ++lane, ++lanes) {
    const Run* run = find_run(lane->first, segment.epoch);
    const Piece& other = piece_of(*run, lane->second);
    events += other.last_seq - other.first_seq + 1;
    waiting.events += waiting_of(other, run->confirmed.seq).events;
  }
  return waiting.events * kShare >= events;
}

void Catalogue::confirm(std::string_view lane, const Uuid& epoch, Position position, bool rewind) {
  const std::lock_guard lock(mutex_);
  Run* run = find_run(lane, epoch);
  // Beyond the last number there is nothing to confirm; believing it would let later events be dropped
  // unsent.
  if (run == nullptr || position.seq > run->last_seq || position == run->confirmed) return;
  if (position.seq < run->confirmed.seq && !rewind) return;
  run->confirmed = position;
  changed_cursors_.emplace(lane, epoch);
  recount(*run);
}

bool Catalogue::delivered(const Segment& segment) const {
  if (!segment.uncompared.empty()) return false;
  return std::all_of(segment.lanes.begin(), segment.lanes.end(), [&](const auto& lane) {
    const Run* run = find_run(lane.first, segment.epoch);
    return piece_of(*run, lane.second).last_seq <= run->confirmed.seq;
  });
}

// REQUIRES: the run has a piece that begins with that number.
const Catalogue::Piece& Catalogue::piece_of(const Run& run, std::uint64_t first_seq) {
  const auto piece = place_of(run.pieces, first_seq);
  assert(piece != run.pieces.end() && piece->first_seq == first_seq);
  return *piece;
}

std::vector<SegmentLane> Catalogue::lanes_of(std::uint64_t segment) const {
  const std::lock_guard lock(mutex_);
  std::vector<SegmentLane> result;
  const auto found = segments_.find(segment);
  if (found == segments_.end()) return result;
  for (const auto& [lane, first_seq] : found->second.lanes) {
    const Piece& piece = piece_of(*find_run(lane, found->second.epoch), first_seq);
    result.push_back({lane, piece.lane_number, piece.first_seq, piece.last_seq});
  }
  return result;
}

std::size_t Catalogue::pieces_before(std::string_view lane, const Uuid& epoch, std::uint64_t seq) const {
  const std::lock_guard lock(mutex_);
  const Run* run = find_run(lane, epoch);
  if (run == nullptr) return 0;
  return static_cast<std::size_t>(place_of(run->pieces, seq) - run->pieces.begin());
}

void Catalogue::compared(std::string_view lane) {
  const std::lock_guard lock(mutex_);
  for (auto& [number, segment] : segments_) {
    const auto found = segment.uncompared.find(lane);
    if (found != segment.uncompared.end()) segment.uncompared.erase(found);
  }
}

std::vector<SegmentInfo> Catalogue::segments() const {
  const std::lock_guard lock(mutex_);
  std::vector<SegmentInfo> result;
  result.reserve(segments_.size());
  for (const auto& [number, segment] : segments_) {
    result.push_back({number, segment.epoch, segment.bytes, segment.events, segment.newest_received_at_us,
                      segment.active, delivered(segment)});
  }
  return result;
}

std::vector<std::shared_ptr<SegmentFile>> Catalogue::files(std::uint64_t from_segment) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<SegmentFile>> files;
  for (auto segment = segments_.lower_bound(from_segment); segment != segments_.end(); ++segment)
    files.push_back(segment->second.file);
  return files;
}

std::uint64_t Catalogue::segment_count() const {
  const std::lock_guard lock(mutex_);
  return segments_.size();
}

std::uint64_t Catalogue::pending() const {
  const std::lock_guard lock(mutex_);
  return pending_;
}

std::uint64_t Catalogue::pending_bytes() const {
  const std::lock_guard lock(mutex_);
  return pending_bytes_;
}

std::uint64_t Catalogue::waiting_bytes(std::string_view lane) const {
  const std::lock_guard lock(mutex_);
  return waiting_bytes_locked(lane);
}

std::uint64_t Catalogue::waiting_bytes_locked(std::string_view lane) const {
  std::uint64_t bytes = 0;
  const auto found = lanes_.find(lane);
  if (found == lanes_.end()) return bytes;
  for (const Run& run : found->second) bytes += run.waiting.bytes;
  return bytes;
}

std::map<std::string, std::uint64_t, std::less<>> Catalogue::held_bytes() const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, std::uint64_t, std::less<>> held;
  for (const auto& [lane, runs] : lanes_) held[lane] = waiting_bytes_locked(lane);
  for (const auto& [number, segment] : segments_) {
    if (segment.active) continue;
    std::uint64_t all = 0, waiting = 0;
    std::vector<std::string_view> holders;
    for (const auto& [lane, first_seq] : segment.lanes) {
      const Run* run = find_run(lane, segment.epoch);
      const Piece& piece = piece_of(*run, first_seq);
      const Waiting of_lane = waiting_of(piece, run->confirmed.seq);
      all += piece.bytes;
      waiting += of_lane.bytes;
      if (of_lane.events > 0) holders.push_back(lane);
    }
    if (all == 0) continue;
    for (const std::string_view lane : holders) held.find(lane)->second += (all - waiting) / holders.size();
  }
  return held;
}

}  // namespace hookspool::storage
