// The sums over what waits: kept with every change, so that asking for one takes no time however many segments and lanes
// there are. They are asked for under the mutex that every commit needs.
#include <algorithm>
#include <tuple>
#include <utility>

#include "storage/catalogue/catalogue.h"

namespace hookspool::storage {

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

void Catalogue::set_waiting(Lane& lane, Run& run, Piece& piece, const Waiting& waiting) {
  if (waiting.events == piece.waiting.events && waiting.bytes == piece.waiting.bytes) return;
  Segment& segment = segments_.at(piece.segment);
  for (const auto& [sum, now, before] :
       {std::tuple{&run.waiting.events, waiting.events, piece.waiting.events},
        std::tuple{&pending_, waiting.events, piece.waiting.events},
        std::tuple{&run.waiting.bytes, waiting.bytes, piece.waiting.bytes},
        std::tuple{&pending_bytes_, waiting.bytes, piece.waiting.bytes},
        std::tuple{&segment.waiting_bytes, waiting.bytes, piece.waiting.bytes}}) {
    *sum += now - before;
  }
  const bool held = piece.waiting.events > 0;
  piece.waiting = waiting;
  if (held != (waiting.events > 0)) {
    if (held) {
      lane.kept_bytes -= segment.share;
      std::erase(segment.holders, &lane);
    } else {
      lane.kept_bytes += segment.share;
      segment.holders.push_back(&lane);
    }
  }
  share_out(segment);
}

// After a change of its sums or holders.
void Catalogue::share_out(Segment& segment) {
  const std::uint64_t before = segment.share;
  segment.share = segment.active || segment.holders.empty()
                      ? 0
                      : (segment.piece_bytes - segment.waiting_bytes) / segment.holders.size();
  if (segment.share == before) return;
  for (Lane* lane : segment.holders) lane->kept_bytes += segment.share - before;
}

// After a change of what is confirmed.
void Catalogue::recount(std::string_view lane, Run& run) {
  Lane& of_run = lanes_.find(lane)->second;
  for (Piece& piece : run.pieces) set_waiting(of_run, run, piece, waiting_of(piece, run.confirmed.seq));
}

std::uint64_t Catalogue::pending() const {
  const MutexLock lock(mutex_);
  return pending_;
}

std::uint64_t Catalogue::pending_bytes() const {
  const MutexLock lock(mutex_);
  return pending_bytes_;
}

std::uint64_t Catalogue::waiting_bytes(std::string_view lane) const {
  const MutexLock lock(mutex_);
  return waiting_bytes_locked(lane);
}

std::uint64_t Catalogue::waiting_bytes_locked(std::string_view lane) const {
  std::uint64_t bytes = 0;
  const auto found = lanes_.find(lane);
  if (found == lanes_.end()) return bytes;
  for (const Run& run : found->second.runs) bytes += run.waiting.bytes;
  return bytes;
}

std::uint64_t Catalogue::held_bytes(std::string_view lane) const {
  const MutexLock lock(mutex_);
  const auto found = lanes_.find(lane);
  return found == lanes_.end() ? 0 : waiting_bytes_locked(lane) + found->second.kept_bytes;
}

Catalogue::Sums Catalogue::kept_sums() const {
  const MutexLock lock(mutex_);
  Sums sums{bytes_, pending_, pending_bytes_, {}, {}};
  for (const auto& [name, lane] : lanes_)
    sums.held_bytes[name] = waiting_bytes_locked(name) + lane.kept_bytes;
  for (const auto& [number, segment] : segments_) {
    if (delivered(segment)) sums.delivered.insert(number);
  }
  return sums;
}

Catalogue::Sums Catalogue::recounted_sums() const {
  const MutexLock lock(mutex_);
  Sums sums;
  for (const auto& [name, lane] : lanes_) {
    std::uint64_t& held = sums.held_bytes[name];
    for (const Run& run : lane.runs) {
      for (const Piece& piece : run.pieces) {
        sums.pending += piece.waiting.events;
        sums.pending_bytes += piece.waiting.bytes;
        held += piece.waiting.bytes;
      }
    }
  }
  for (const auto& [number, segment] : segments_) {
    sums.bytes += segment.bytes;
    std::uint64_t all = 0, waiting = 0;
    std::vector<std::string_view> holders;
    for (const auto& [lane, first_seq] : segment.lanes) {
      const Run* run = find_run(lane, segment.epoch);
      const Piece& piece = piece_of(*run, first_seq);
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
