#include "storage/catalogue/catalogue.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "storage/segment/row.h"

namespace hookspool::storage {
namespace {

// The first piece that does not end before this number.
template <class Pieces>
auto place_of(Pieces& pieces, std::uint64_t seq) {
  return std::partition_point(pieces.begin(), pieces.end(),
                              [&](const auto& piece) { return piece.last_seq < seq; });
}

}  // namespace

const Catalogue::Run* Catalogue::find_run(std::string_view lane, const Uuid& epoch) const {
  const auto found = lanes_.find(lane);
  if (found == lanes_.end()) return nullptr;
  // The newest epochs are asked for most.
  const std::vector<Run>& runs = found->second.runs;
  const auto run = std::find_if(runs.rbegin(), runs.rend(),
                                [&](const Run& candidate) { return candidate.epoch == epoch; });
  return run == runs.rend() ? nullptr : &*run;
}

Catalogue::Run* Catalogue::find_run(std::string_view lane, const Uuid& epoch) {
  return const_cast<Run*>(static_cast<const Catalogue*>(this)->find_run(lane, epoch));
}

// `segment`: the one at hand. Where the run is not known yet its place is before the runs that lie in later segments only.
Catalogue::Run& Catalogue::run_of(const std::string& lane, const Uuid& epoch, std::uint64_t segment) {
  if (Run* run = find_run(lane, epoch)) return *run;
  Run run;
  run.epoch = epoch;
  std::vector<Run>& runs = lanes_[lane].runs;
  const auto is_later = [&](const Run& other) REQUIRES(mutex_) {
    if (epoch != epoch_ && other.epoch == epoch_) return true;
    return !other.pieces.empty() && std::all_of(other.pieces.begin(), other.pieces.end(),
                                                [&](const Piece& piece) { return piece.segment > segment; });
  };
  return *runs.insert(std::find_if(runs.begin(), runs.end(), is_later), std::move(run));
}

// Whether another segment holds one of its numbers.
bool Catalogue::overlaps(const SegmentContents& contents) const {
  return std::any_of(contents.lanes.begin(), contents.lanes.end(),
                     [&](const SegmentLane& lane) REQUIRES(mutex_) {
                       const Run* run = find_run(lane.lane, contents.epoch);
                       if (run == nullptr) return false;
                       auto piece = place_of(run->pieces, lane.first_seq);
                       for (; piece != run->pieces.end() && piece->first_seq <= lane.last_seq; ++piece) {
                         if (piece->segment != contents.file->number) return true;
                       }
                       return false;
                     });
}

void Catalogue::take_in(const SegmentContents& contents) {
  Segment& segment = segments_[contents.file->number];
  segment.active = true;  // until all of it is counted: what it keeps is shared out once
  segment.file = contents.file;
  segment.epoch = contents.epoch;
  segment.bytes = contents.bytes;
  segment.newest_received_at_us = contents.newest_received_at_us;
  segment.greatest_id = contents.greatest_id;
  for (const SegmentLane& lane : contents.lanes) segment.events += lane.last_seq - lane.first_seq + 1;
  for (const SegmentLane& lane : contents.lanes) {
    Run& run = run_of(lane.lane, contents.epoch, contents.file->number);
    // How large each event is would take reading all of them; the segment's size is known.
    const double share =
        static_cast<double>(lane.last_seq - lane.first_seq + 1) / static_cast<double>(segment.events);
    const auto bytes = static_cast<std::uint64_t>(share * static_cast<double>(segment.bytes));
    run.pieces.insert(place_of(run.pieces, lane.first_seq),
                      {contents.file->number, lane.number, lane.first_seq, lane.last_seq, bytes});
    run.last_seq = std::max(run.last_seq, lane.last_seq);
    segment.piece_bytes += bytes;
    segment.lanes.emplace(lane.lane, lane.first_seq);
    if (contents.salvaged) segment.uncompared.insert(lane.lane);
    recount(lane.lane, run);
  }
  segment.active = false;
  share_out(segment);
  bytes_ += segment.bytes;
}

// The opposite. The runs stay, with what is confirmed of them.
void Catalogue::take_out(std::uint64_t number) {
  Segment& segment = segments_.at(number);
  segment.active = true;
  share_out(segment);
  bytes_ -= segment.bytes;
  for (const auto& [name, first_seq] : segment.lanes) {
    Lane& lane = lanes_.find(name)->second;
    Run* run = find_run(name, segment.epoch);
    for (Piece& piece : run->pieces) {
      if (piece.segment == number) set_waiting(lane, *run, piece, {});
    }
    std::erase_if(run->pieces, [&](const Piece& piece) { return piece.segment == number; });
  }
  segments_.erase(number);
}

bool Catalogue::add_closed(const SegmentContents& contents) {
  const MutexLock lock(mutex_);
  if (overlaps(contents)) return false;
  take_in(contents);
  return true;
}

void Catalogue::add_unknown(std::uint64_t number) {
  const MutexLock lock(mutex_);
  unknown_.insert(number);
}

bool Catalogue::add_late(const SegmentContents& contents) {
  const MutexLock lock(mutex_);
  const std::uint64_t number = contents.file->number;
  if (overlaps(contents)) return false;
  if (segments_.contains(number)) take_out(number);
  unknown_.erase(number);
  take_in(contents);
  return true;
}

// An event that follows a hole may have to wait for the numbers in the hole.
bool Catalogue::may_be_in_unknown(std::uint64_t after_segment, std::uint64_t before_segment) const {
  const auto found = unknown_.upper_bound(after_segment);
  return found != unknown_.end() && *found < before_segment;
}

void Catalogue::set_cursor(const Cursor& cursor) {
  const MutexLock lock(mutex_);
  Run* run = find_run(cursor.lane, cursor.epoch);
  if (run == nullptr || cursor.position.seq > run->last_seq) return;
  run->confirmed = cursor.position;
  recount(cursor.lane, *run);
}

void Catalogue::begin_segment(std::shared_ptr<SegmentFile> file, const Uuid& greatest_id) {
  const MutexLock lock(mutex_);
  active_ = file->number;
  Segment& segment = segments_[file->number];
  segment.file = std::move(file);
  segment.epoch = epoch_;
  segment.greatest_id = greatest_id;
  segment.active = true;
  // The new segment takes over all cursors that are still of use, so that older ones can go.
  for (const auto& [lane, of_lane] : lanes_) {
    for (const Run& run : of_lane.runs) {
      if (run.confirmed.seq > 0) changed_cursors_.emplace(lane, run.epoch);
    }
  }
}

void Catalogue::committed(std::span<const EventPtr> events, std::span<const std::uint32_t> lane_numbers,
                          std::span<const std::size_t> stored_bytes, std::uint64_t bytes) {
  const MutexLock lock(mutex_);
  Segment& segment = segments_.at(active_.value());
  bytes_ += bytes - segment.bytes;
  segment.bytes = bytes;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const StoredEvent& stored = *events[i];
    Run& run = run_of(stored.event.lane, stored.epoch, segment.file->number);
    if (run.pieces.empty() || run.pieces.back().segment != segment.file->number) {
      run.pieces.push_back({segment.file->number, lane_numbers[i], stored.seq, stored.seq, 0});
      segment.lanes.emplace(stored.event.lane, stored.seq);
    }
    Piece& piece = run.pieces.back();
    piece.last_seq = stored.seq;
    piece.bytes += stored_bytes[i];
    segment.piece_bytes += stored_bytes[i];
    set_waiting(lanes_.find(stored.event.lane)->second, run, piece,
                {piece.waiting.events + 1, piece.waiting.bytes + stored_bytes[i]});
    run.last_seq = stored.seq;
    segment.newest_received_at_us =
        segment.events == 0 ? stored.event.received_at_us
                            : std::max(segment.newest_received_at_us, stored.event.received_at_us);
    ++segment.events;
    segment.greatest_id = std::max(segment.greatest_id, stored.id);
  }
}

void Catalogue::set_active_bytes(std::uint64_t bytes) {
  const MutexLock lock(mutex_);
  Segment& segment = segments_.at(active_.value());
  bytes_ += bytes - segment.bytes;
  segment.bytes = bytes;
}

void Catalogue::end_segment() {
  const MutexLock lock(mutex_);
  Segment& segment = segments_.at(active_.value());
  segment.active = false;
  share_out(segment);
  active_.reset();
}

void Catalogue::begin_epoch(const Uuid& epoch) {
  const MutexLock lock(mutex_);
  epoch_ = epoch;
  std::vector<std::string> names;
  for (const auto& [lane, of_lane] : lanes_) names.push_back(lane);
  for (const std::string& lane : names) forget_empty_runs(lane);
}

std::vector<Cursor> Catalogue::take_changed_cursors() {
  const MutexLock lock(mutex_);
  std::vector<Cursor> cursors;
  for (const auto& [lane, epoch] : std::exchange(changed_cursors_, {})) {
    if (const Run* run = find_run(lane, epoch)) cursors.push_back({epoch, lane, run->confirmed});
  }
  return cursors;
}

void Catalogue::put_back(const std::vector<Cursor>& cursors) {
  const MutexLock lock(mutex_);
  for (const Cursor& cursor : cursors) changed_cursors_.emplace(cursor.lane, cursor.epoch);
}

bool Catalogue::has_changed_cursors() const {
  const MutexLock lock(mutex_);
  return !changed_cursors_.empty();
}

bool Catalogue::knows_lane(std::string_view lane) const {
  const MutexLock lock(mutex_);
  return lanes_.find(lane) != lanes_.end();
}

std::size_t Catalogue::lane_count() const {
  const MutexLock lock(mutex_);
  return lanes_.size();
}

std::uint64_t Catalogue::bytes() const {
  const MutexLock lock(mutex_);
  return bytes_;
}

Uuid Catalogue::epoch() const {
  const MutexLock lock(mutex_);
  return epoch_;
}

std::vector<std::string> Catalogue::lanes() const {
  const MutexLock lock(mutex_);
  std::vector<std::string> names;
  names.reserve(lanes_.size());
  for (const auto& [lane, of_lane] : lanes_) names.push_back(lane);
  return names;
}

std::vector<LaneRun> Catalogue::runs(std::string_view lane) const {
  const MutexLock lock(mutex_);
  std::vector<LaneRun> result;
  const auto found = lanes_.find(lane);
  if (found == lanes_.end()) return result;
  for (const Run& run : found->second.runs) {
    LaneRun stretch{run.epoch, run.last_seq + 1, run.last_seq, run.confirmed, run.epoch == epoch_};
    std::uint64_t segment = 0;
    std::uint64_t next = run.confirmed.seq + 1;
    for (const Piece& piece : run.pieces) {
      if (piece.first_seq > next && may_be_in_unknown(segment, piece.segment)) {
        if (&piece != &run.pieces.front()) result.push_back(stretch);
        return result;
      }
      segment = piece.segment;
      next = std::max(next, piece.last_seq + 1);
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
  const MutexLock lock(mutex_);
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
  const MutexLock lock(mutex_);
  Run* run = find_run(lane, epoch);
  // Beyond the last number there is nothing to confirm; believing it would let later events be dropped
  // unsent.
  if (run == nullptr || position.seq > run->last_seq || position == run->confirmed) return;
  if (position.seq < run->confirmed.seq && !rewind) return;
  run->confirmed = position;
  changed_cursors_.emplace(lane, epoch);
  recount(lane, *run);
}

// One that was not read yet may hold more than its record says.
bool Catalogue::delivered(const Segment& segment) {
  return segment.uncompared.empty() && segment.holders.empty() && !segment.file->unread.load();
}

// REQUIRES: the run has a piece that begins with that number.
const Catalogue::Piece& Catalogue::piece_of(const Run& run, std::uint64_t first_seq) {
  const auto piece = place_of(run.pieces, first_seq);
  assert(piece != run.pieces.end() && piece->first_seq == first_seq);
  return *piece;
}

std::vector<SegmentLane> Catalogue::lanes_of(std::uint64_t segment) const {
  const MutexLock lock(mutex_);
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
  const MutexLock lock(mutex_);
  const Run* run = find_run(lane, epoch);
  if (run == nullptr) return 0;
  return static_cast<std::size_t>(place_of(run->pieces, seq) - run->pieces.begin());
}

void Catalogue::compared(std::string_view lane) {
  const MutexLock lock(mutex_);
  for (auto& [number, segment] : segments_) {
    const auto found = segment.uncompared.find(lane);
    if (found != segment.uncompared.end()) segment.uncompared.erase(found);
  }
}

std::vector<SegmentInfo> Catalogue::segments() const {
  const MutexLock lock(mutex_);
  std::vector<SegmentInfo> result;
  result.reserve(segments_.size());
  for (const auto& [number, segment] : segments_) {
    result.push_back({number, segment.epoch, segment.bytes, segment.events, segment.newest_received_at_us,
                      segment.active, delivered(segment)});
  }
  return result;
}

std::vector<std::shared_ptr<SegmentFile>> Catalogue::files(std::uint64_t from_segment) const {
  const MutexLock lock(mutex_);
  std::vector<std::shared_ptr<SegmentFile>> files;
  for (auto segment = segments_.lower_bound(from_segment); segment != segments_.end(); ++segment)
    files.push_back(segment->second.file);
  return files;
}

std::uint64_t Catalogue::segment_count() const {
  const MutexLock lock(mutex_);
  return segments_.size();
}

}  // namespace hookspool::storage
