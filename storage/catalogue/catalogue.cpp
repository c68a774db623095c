#include "storage/catalogue/catalogue.h"

#include <algorithm>
#include <utility>

namespace hookspool::storage {

void Catalogue::take_in(const SegmentContents& contents) {
  SegmentRecord& segment = segments_.add(contents.file->number);
  segment.active = true;  // until all of it is counted: what it keeps is shared out once
  segment.file = contents.file;
  segment.epoch = contents.epoch;
  segments_.set_bytes(segment, contents.bytes);
  segment.newest_received_at_us = contents.newest_received_at_us;
  segment.greatest_id = contents.greatest_id;
  for (const SegmentLane& lane : contents.lanes) segment.events += lane.last_seq - lane.first_seq + 1;
  for (const SegmentLane& lane : contents.lanes) {
    EpochRun& run = lanes_.run_of(lane.lane, contents.epoch, contents.file->number);
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
    sums_.recount(lanes_.at(lane.lane), run);
  }
  segment.active = false;
  WaitingSums::share_out(segment);
}

// The opposite. The runs stay, with what is confirmed of them.
void Catalogue::take_out(std::uint64_t number) {
  SegmentRecord& segment = segments_.at(number);
  segment.active = true;
  WaitingSums::share_out(segment);
  for (const auto& [name, first_seq] : segment.lanes) {
    EpochRun* run = lanes_.find_run(name, segment.epoch);
    for (LanePiece& piece : run->pieces) {
      if (piece.segment == number) sums_.set(lanes_.at(name), *run, piece, {});
    }
    std::erase_if(run->pieces, [&](const LanePiece& piece) { return piece.segment == number; });
  }
  segments_.erase(number);
}

bool Catalogue::add_closed(const SegmentContents& contents) {
  const MutexLock lock(mutex_);
  if (lanes_.overlaps(contents)) return false;
  take_in(contents);
  return true;
}

void Catalogue::add_unknown(std::uint64_t number) {
  const MutexLock lock(mutex_);
  segments_.add_unknown(number);
}

bool Catalogue::add_late(const SegmentContents& contents) {
  const MutexLock lock(mutex_);
  const std::uint64_t number = contents.file->number;
  if (lanes_.overlaps(contents)) return false;
  if (segments_.contains(number)) take_out(number);
  segments_.is_known(number);
  take_in(contents);
  return true;
}

void Catalogue::set_cursor(const Cursor& cursor) {
  const MutexLock lock(mutex_);
  EpochRun* run = lanes_.find_run(cursor.lane, cursor.epoch);
  if (run == nullptr || cursor.position.seq > run->last_seq) return;
  run->confirmed = cursor.position;
  sums_.recount(lanes_.at(cursor.lane), *run);
}

void Catalogue::begin_segment(std::shared_ptr<SegmentFile> file, const Uuid& greatest_id) {
  const MutexLock lock(mutex_);
  SegmentRecord& segment = segments_.begin_active(file->number);
  segment.file = std::move(file);
  segment.epoch = lanes_.epoch();
  segment.greatest_id = greatest_id;
  // The new segment takes over all cursors that are still of use, so that older ones can go.
  for (const auto& [lane, record] : lanes_.all()) {
    for (const EpochRun& run : record.runs) {
      if (run.confirmed.seq > 0) changed_cursors_.emplace(lane, run.epoch);
    }
  }
}

void Catalogue::committed(std::span<const EventPtr> events, std::span<const std::uint32_t> lane_numbers,
                          std::span<const std::size_t> stored_bytes, std::uint64_t bytes) {
  const MutexLock lock(mutex_);
  SegmentRecord& segment = segments_.active();
  segments_.set_bytes(segment, bytes);
  for (std::size_t i = 0; i < events.size(); ++i) {
    const StoredEvent& stored = *events[i];
    EpochRun& run = lanes_.run_of(stored.event.lane, stored.epoch, segment.file->number);
    if (run.pieces.empty() || run.pieces.back().segment != segment.file->number) {
      run.pieces.push_back({segment.file->number, lane_numbers[i], stored.seq, stored.seq, 0});
      segment.lanes.emplace(stored.event.lane, stored.seq);
    }
    LanePiece& piece = run.pieces.back();
    piece.last_seq = stored.seq;
    piece.bytes += stored_bytes[i];
    segment.piece_bytes += stored_bytes[i];
    sums_.set(lanes_.at(stored.event.lane), run, piece,
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
  SegmentRecord& segment = segments_.active();
  segments_.set_bytes(segment, bytes);
}

void Catalogue::end_segment() {
  const MutexLock lock(mutex_);
  SegmentRecord& segment = segments_.active();
  segments_.end_active();
  WaitingSums::share_out(segment);
}

void Catalogue::begin_epoch(const Uuid& epoch) {
  const MutexLock lock(mutex_);
  lanes_.begin_epoch(epoch);
}

std::vector<Cursor> Catalogue::take_changed_cursors() {
  const MutexLock lock(mutex_);
  std::vector<Cursor> cursors;
  for (const auto& [lane, epoch] : std::exchange(changed_cursors_, {})) {
    if (const EpochRun* run = lanes_.find_run(lane, epoch)) cursors.push_back({epoch, lane, run->confirmed});
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
  return lanes_.find(lane) != nullptr;
}

std::size_t Catalogue::lane_count() const {
  const MutexLock lock(mutex_);
  return lanes_.all().size();
}

std::uint64_t Catalogue::bytes() const {
  const MutexLock lock(mutex_);
  return segments_.bytes();
}

Uuid Catalogue::epoch() const {
  const MutexLock lock(mutex_);
  return lanes_.epoch();
}

std::vector<std::string> Catalogue::lanes() const {
  const MutexLock lock(mutex_);
  std::vector<std::string> names;
  names.reserve(lanes_.all().size());
  for (const auto& [lane, record] : lanes_.all()) names.push_back(lane);
  return names;
}

std::vector<LaneRun> Catalogue::runs(std::string_view lane) const {
  const MutexLock lock(mutex_);
  std::vector<LaneRun> result;
  const LaneRecord* record = lanes_.find(lane);
  if (record == nullptr) return result;
  for (const EpochRun& run : record->runs) {
    LaneRun stretch{run.epoch, run.last_seq + 1, run.last_seq, run.confirmed, run.epoch == lanes_.epoch()};
    std::uint64_t segment = 0;
    std::uint64_t next = run.confirmed.seq + 1;
    for (const LanePiece& piece : run.pieces) {
      // An event that follows a hole may have to wait for the numbers in the hole.
      if (piece.first_seq > next && segments_.has_unknown_between(segment, piece.segment)) {
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
  const EpochRun* run = lanes_.find_run(lane, epoch);
  if (run == nullptr) return slices;
  auto piece = place_of(run->pieces, from_seq);
  for (std::uint64_t next = from_seq; piece != run->pieces.end() && next - from_seq < events_max; ++piece) {
    if (piece->first_seq > next) break;
    const SegmentRecord& segment = segments_.at(piece->segment);
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
bool Catalogue::is_worth_reading_ahead(const SegmentRecord& segment, const LanePiece& piece) const {
  constexpr std::uint64_t kShare = 16;
  constexpr int kLanesMax = 16;
  if (segment.active) return false;
  if ((piece.last_seq - piece.first_seq + 1) * kShare >= segment.events) return true;
  WaitingEvents waiting;
  std::uint64_t events = 0;
  int lanes = 0;
  for (auto lane = segment.lanes.begin(); lane != segment.lanes.end() && lanes < kLanesMax; ++lane, ++lanes) {
    const EpochRun* run = lanes_.find_run(lane->first, segment.epoch);
    const LanePiece& other = LaneRuns::piece_of(*run, lane->second);
    events += other.last_seq - other.first_seq + 1;
    waiting.events += WaitingSums::waiting_of(other, run->confirmed.seq).events;
  }
  return waiting.events * kShare >= events;
}

void Catalogue::confirm(std::string_view lane, const Uuid& epoch, Position position, bool rewind) {
  const MutexLock lock(mutex_);
  EpochRun* run = lanes_.find_run(lane, epoch);
  // Beyond the last number there is nothing to confirm; believing it would let later events be dropped
  // unsent.
  if (run == nullptr || position.seq > run->last_seq || position == run->confirmed) return;
  if (position.seq < run->confirmed.seq && !rewind) return;
  run->confirmed = position;
  changed_cursors_.emplace(lane, epoch);
  sums_.recount(lanes_.at(lane), *run);
}

std::vector<SegmentLane> Catalogue::lanes_of(std::uint64_t segment) const {
  const MutexLock lock(mutex_);
  std::vector<SegmentLane> result;
  const SegmentRecord* record = segments_.find(segment);
  if (record == nullptr) return result;
  for (const auto& [lane, first_seq] : record->lanes) {
    const LanePiece& piece = LaneRuns::piece_of(*lanes_.find_run(lane, record->epoch), first_seq);
    result.push_back({lane, piece.lane_number, piece.first_seq, piece.last_seq});
  }
  return result;
}

std::size_t Catalogue::pieces_before(std::string_view lane, const Uuid& epoch, std::uint64_t seq) const {
  const MutexLock lock(mutex_);
  const EpochRun* run = lanes_.find_run(lane, epoch);
  if (run == nullptr) return 0;
  return static_cast<std::size_t>(place_of(run->pieces, seq) - run->pieces.begin());
}

std::uint64_t Catalogue::segment_count() const {
  const MutexLock lock(mutex_);
  return segments_.all().size();
}

void Catalogue::compared(std::string_view lane) {
  const MutexLock lock(mutex_);
  segments_.compared(lane);
}

std::vector<SegmentInfo> Catalogue::segments() const {
  const MutexLock lock(mutex_);
  return segments_.infos();
}

std::vector<std::shared_ptr<SegmentFile>> Catalogue::files(std::uint64_t from_segment) const {
  const MutexLock lock(mutex_);
  return segments_.files(from_segment);
}

std::optional<std::uint64_t> Catalogue::oldest_delivered() const {
  const MutexLock lock(mutex_);
  return segments_.oldest_delivered();
}

bool Catalogue::active_delivered() const {
  const MutexLock lock(mutex_);
  return segments_.active_delivered();
}

JournalResult<Catalogue::Drop> Catalogue::begin_drop(std::uint64_t number) const {
  const MutexLock lock(mutex_);
  return segments_.begin_drop(number);
}

void Catalogue::forget(std::uint64_t number) {
  const MutexLock lock(mutex_);
  const SegmentRecord* segment = segments_.find(number);
  if (segment == nullptr) return;
  const std::map<std::string, std::uint64_t> lanes = segment->lanes;
  take_out(number);
  for (const auto& [lane, first_seq] : lanes) lanes_.forget_empty(lane);
}

std::uint64_t Catalogue::pending() const {
  const MutexLock lock(mutex_);
  return sums_.total().events;
}

std::uint64_t Catalogue::pending_bytes() const {
  const MutexLock lock(mutex_);
  return sums_.total().bytes;
}

std::uint64_t Catalogue::waiting_bytes(std::string_view lane) const {
  const MutexLock lock(mutex_);
  const LaneRecord* record = lanes_.find(lane);
  return record == nullptr ? 0 : WaitingSums::waiting_bytes(*record);
}

std::uint64_t Catalogue::held_bytes(std::string_view lane) const {
  const MutexLock lock(mutex_);
  const LaneRecord* record = lanes_.find(lane);
  return record == nullptr ? 0 : WaitingSums::held_bytes(*record);
}

Catalogue::Sums Catalogue::kept_sums() const {
  const MutexLock lock(mutex_);
  Sums sums{segments_.bytes(), sums_.total().events, sums_.total().bytes, {}, {}};
  for (const auto& [name, lane] : lanes_.all()) sums.held_bytes[name] = WaitingSums::held_bytes(lane);
  for (const auto& [number, segment] : segments_.all()) {
    if (segment.is_delivered()) sums.delivered.insert(number);
  }
  return sums;
}

Catalogue::Sums Catalogue::recounted_sums() const {
  const MutexLock lock(mutex_);
  Sums sums;
  for (const auto& [name, lane] : lanes_.all()) {
    std::uint64_t& held = sums.held_bytes[name];
    for (const EpochRun& run : lane.runs) {
      for (const LanePiece& piece : run.pieces) {
        sums.pending += piece.waiting.events;
        sums.pending_bytes += piece.waiting.bytes;
        held += piece.waiting.bytes;
      }
    }
  }
  for (const auto& [number, segment] : segments_.all()) {
    sums.bytes += segment.bytes;
    std::uint64_t all = 0, waiting = 0;
    std::vector<std::string_view> holders;
    for (const auto& [lane, first_seq] : segment.lanes) {
      const EpochRun* run = lanes_.find_run(lane, segment.epoch);
      const LanePiece& piece = LaneRuns::piece_of(*run, first_seq);
      all += piece.bytes;
      waiting += piece.waiting.bytes;
      if (piece.last_seq > run->confirmed.seq) holders.push_back(lane);
    }
    if (holders.empty() && segment.uncompared.empty() && !segment.file->unread.load())
      sums.delivered.insert(number);
    for (const std::string_view lane : holders) {
      if (!segment.active) sums.held_bytes.find(lane)->second += (all - waiting) / holders.size();
    }
  }
  return sums;
}

}  // namespace hookspool::storage
