// What a journal holds of a lane, as its layers tell it to each other and to its users. Plain values.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "storage/model/event.h"
#include "storage/model/uuid.h"

namespace hookspool::storage {

// A gap-free run of one lane within one epoch, as far as it is retained and durable. An epoch has several of
// them, one after the other, when a segment in the middle was dropped (its numbers are confirmed) or set
// aside as damaged (they may not be: `confirmed` tells). The current epoch's run is listed even when nothing
// of it is retained; then first_seq is last_seq + 1.
struct LaneRun {
  Uuid epoch;
  std::uint64_t first_seq = 0;  // the oldest that can still be read
  std::uint64_t last_seq = 0;   // the newest that is durable
  Position confirmed;    // how far PostgreSQL is known to have it (a hint: the watermark there decides)
  bool current = false;  // the epoch that is still growing
};

// How far PostgreSQL has a lane's run.
struct Cursor {
  Uuid epoch;
  std::string lane;
  Position position;
};

struct SegmentInfo {
  std::uint64_t number = 0;
  Uuid epoch;
  std::uint64_t bytes = 0;  // database and WAL
  std::uint64_t events = 0;
  std::int64_t newest_received_at_us = 0;
  bool active = false;     // the one being written
  bool delivered = false;  // every lane has passed it
};

// Acknowledged events of a lane that no file has any more: their ids are above `after` and below `before` (nil: and below all
// that this life of the journal gives), and no other event of the lane has an id between these.
struct LostIds {
  std::string lane;
  Uuid after;
  Uuid before;
};

using DedupeKeyVisitor = std::function<void(const Uuid& key, const Uuid& event_id)>;

}  // namespace hookspool::storage
