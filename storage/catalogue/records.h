// What the catalogue keeps of each lane and segment. Plain values, which LaneRuns, SegmentTable and WaitingSums work on; not
// synchronized: Catalogue's mutex is over all of them.
//
// Internal to storage/catalogue.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "storage/model/event.h"
#include "storage/model/uuid.h"
#include "storage/segment/segment_reader.h"

namespace hookspool::storage {

struct WaitingEvents {
  std::uint64_t events = 0;
  std::uint64_t bytes = 0;
};

// One lane's numbers in one segment.
struct LanePiece {
  std::uint64_t segment = 0;
  std::uint32_t lane_number = 0;
  std::uint64_t first_seq = 0;
  std::uint64_t last_seq = 0;
  std::uint64_t bytes = 0;  // of its events
  WaitingEvents waiting{};  // of them; counts in the sums of the run, the segment and the catalogue
};

// One lane's numbers of one epoch.
struct EpochRun {
  Uuid epoch;
  std::uint64_t last_seq = 0;  // the greatest durable number, retained or not
  Position confirmed;
  std::vector<LanePiece> pieces;  // by the events' numbers, whatever the segments' are
  WaitingEvents waiting{};        // the sum over the pieces
};

struct LaneRecord {
  std::vector<EpochRun> runs;    // oldest epoch first
  std::uint64_t kept_bytes = 0;  // delivered, and kept because of this lane: its shares of closed segments
};

struct SegmentRecord {
  std::shared_ptr<SegmentFile> file;
  Uuid epoch;
  std::uint64_t bytes = 0;
  std::uint64_t events = 0;
  std::int64_t newest_received_at_us = 0;
  Uuid greatest_id;
  bool active = false;
  std::uint64_t piece_bytes = 0;     // the sum over the pieces that lie here
  std::uint64_t waiting_bytes = 0;   // of those
  std::vector<LaneRecord*> holders;  // the lanes with events here that wait
  std::uint64_t share = 0;  // what each holder keeps here beyond its own; 0 while the segment is active
  std::map<std::string, std::uint64_t> lanes;     // with their first number here
  std::set<std::string, std::less<>> uncompared;  // kept until Journal::compared() for these lanes

  // One that was not read yet may hold more than its record says.
  bool is_delivered() const { return uncompared.empty() && holders.empty() && !file->unread.load(); }
};

}  // namespace hookspool::storage
