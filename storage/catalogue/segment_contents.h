// What a segment holds, as its inspection finds it and the catalogue takes it in. Plain values.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "storage/model/uuid.h"
#include "storage/segment/segment_reader.h"

namespace hookspool::storage {

// One lane's numbers in one segment; what the segment has lost of them counts as well.
struct SegmentLane {
  std::string lane;
  std::uint32_t number = 0;  // of the lane, within that segment
  std::uint64_t first_seq = 0;
  std::uint64_t last_seq = 0;
};

struct SegmentContents {
  std::shared_ptr<SegmentFile> file;
  Uuid epoch;
  std::vector<SegmentLane> lanes;
  std::uint64_t bytes = 0;
  std::int64_t newest_received_at_us = 0;
  Uuid greatest_id;       // of its events and of everything before it
  bool salvaged = false;  // what is in it may have been recorded as lost
};

}  // namespace hookspool::storage
