// Numbers of a lane that no file has any more: records them in PostgreSQL's table of gaps, and reports to the
// deduplicator which ids they may have had.
// Not thread-safe: belongs to the lane's step.
#pragma once

#include <cstdint>

#include "agent/delivery/lane_core.h"
#include "agent/delivery/lane_step.h"
#include "agent/delivery/run_walker.h"
#include "net/pg/delivery/delivery.h"
#include "storage/journal/journal.h"

namespace hookspool::agent {

class GapRecorder {
 public:
  explicit GapRecorder(LaneCore& core) : core_(core) {}

  // The number after transaction.position() could not be read: if that holds, records the damaged stretch and moves
  // the watermark over it. What can be read behind it is delivered by the next step.
  LaneStep skip_damaged(net::DeliveryTransaction transaction, const storage::LaneRun& run);
  // Records a stretch that was found while ids are compared, and commits. The watermark ends up over it, or stays.
  // REQUIRES: the transaction has done nothing else.
  enum class Watermark { kOverIt, kStays };
  net::PgResult<void> record(net::DeliveryTransaction& transaction, const storage::LaneRun& run,
                             const RunWalker::Damage& damage, Watermark watermark);
  // The numbers from position() to run.first_seq are not retained: records them; the transaction goes on after them.
  net::PgResult<void> skip_unretained(net::DeliveryTransaction& transaction, const storage::LaneRun& run);

 private:
  void report_lost(const storage::LaneRun& run, std::uint64_t first, std::uint64_t last, Uuid after);
  Uuid id_before(const storage::LaneRun& run, std::uint64_t first) const;
  Uuid assigned_id(const Uuid& epoch, std::uint64_t seq) const;

  LaneCore& core_;
  struct {
    Uuid epoch;
    std::uint64_t last_seq = 0;
    Uuid after;
  } last_stretch_;  // that was recorded
};

}  // namespace hookspool::agent
