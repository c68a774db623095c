// Which segments the journal may drop. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "agent/config/config.h"
#include "storage/journal/journal_options.h"
#include "storage/model/lane_run.h"

namespace hookspool::agent {

struct RetentionFacts {
  std::uint64_t aged_up_to = 0;  // segments up to this number have been closed for keep_delivered
  std::uint64_t bytes = 0;       // all segments
  std::uint64_t free_bytes = 0;  // of the file system
};

struct RetentionPlan {
  std::vector<std::uint64_t> drop;  // segment numbers, oldest first
  // The only delivered history is in the segment being written, and room is short: close it so that it can go.
  bool rotate = false;
};

// Delivered segments go when they have been closed for keep_delivered (segment_age.h), and earlier, oldest first, when the
// journal nears its budget: delivered history is shed so that no sender is refused. What is not delivered never goes.
RetentionPlan plan_retention(std::span<const storage::SegmentInfo> oldest_first, const RetentionFacts& facts,
                             const JournalConfig& config);

}  // namespace hookspool::agent
