// From where to where one lane's rows go in one segment, as far as its rows can be believed.
//
// Internal to storage/, for the opening. Not thread-safe: it reads through one connection. A damaged row must neither
// hide others nor invent any: a number counts only if an intact row or the record of what was acknowledged stands for it,
// or if it follows such a one without a hole.
#pragma once

#include <SQLiteCpp/Database.h>

#include <cstdint>
#include <optional>
#include <string>

#include "storage/model/uuid.h"
#include "storage/segment/acked_record.h"
#include "storage/segment/row.h"

namespace hookspool::storage {

struct LaneHere {
  std::uint32_t number = 0;  // of the lane, within the segment
  std::string lane;
  Uuid epoch;
  std::int32_t format = 0;          // of the segment
  std::uint64_t seq_max = kSeqMax;  // rows beyond it do not count
};

struct LaneExtent {
  std::uint64_t first_seq = 0;
  std::uint64_t last_seq = 0;
  std::uint64_t there_to = 0;  // the greatest number that a row has; what was acknowledged may go on after it
  std::int64_t newest_received_at_us = 0;
  Uuid first_id;     // of the first row if it is intact and got an id of its own
  Uuid greatest_id;  // of the intact rows near the end
};

// Nothing if the lane has no event here. `acked`: what the record says of it, or nullptr. Looks at few rows,
// by their keys. Throws SQLite::Exception, but only if there is no record to go by.
std::optional<LaneExtent> find_extent(SQLite::Database& database, const LaneHere& here,
                                      const AckedLane* acked);

}  // namespace hookspool::storage
