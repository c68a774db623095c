#include "storage/catalogue/waiting_sums.h"

#include <algorithm>
#include <tuple>

namespace hookspool::storage {

WaitingEvents WaitingSums::waiting_of(const LanePiece& piece, std::uint64_t confirmed_seq) {
  const std::uint64_t done = std::max(confirmed_seq, piece.first_seq - 1);
  if (piece.last_seq <= done) return {};
  const std::uint64_t events = piece.last_seq - piece.first_seq + 1;
  const std::uint64_t waiting = piece.last_seq - done;
  if (waiting == events) return {waiting, piece.bytes};
  return {waiting, static_cast<std::uint64_t>(static_cast<double>(piece.bytes) *
                                              static_cast<double>(waiting) / static_cast<double>(events))};
}

void WaitingSums::set(LaneRecord& lane, EpochRun& run, LanePiece& piece, const WaitingEvents& waiting) {
  if (waiting.events == piece.waiting.events && waiting.bytes == piece.waiting.bytes) return;
  SegmentRecord& segment = segments_.at(piece.segment);
  for (const auto& [sum, now, before] :
       {std::tuple{&run.waiting.events, waiting.events, piece.waiting.events},
        std::tuple{&total_.events, waiting.events, piece.waiting.events},
        std::tuple{&run.waiting.bytes, waiting.bytes, piece.waiting.bytes},
        std::tuple{&total_.bytes, waiting.bytes, piece.waiting.bytes},
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

void WaitingSums::share_out(SegmentRecord& segment) {
  const std::uint64_t before = segment.share;
  segment.share = segment.active || segment.holders.empty()
                      ? 0
                      : (segment.piece_bytes - segment.waiting_bytes) / segment.holders.size();
  if (segment.share == before) return;
  for (LaneRecord* lane : segment.holders) lane->kept_bytes += segment.share - before;
}

void WaitingSums::recount(LaneRecord& lane, EpochRun& run) {
  for (LanePiece& piece : run.pieces) set(lane, run, piece, waiting_of(piece, run.confirmed.seq));
}

std::uint64_t WaitingSums::waiting_bytes(const LaneRecord& lane) {
  std::uint64_t bytes = 0;
  for (const EpochRun& run : lane.runs) bytes += run.waiting.bytes;
  return bytes;
}

}  // namespace hookspool::storage
