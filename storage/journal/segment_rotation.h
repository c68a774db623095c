// The files that the writer's groups go into: made, rolled, checkpointed, finished; sealed after an error, with the epoch.
//
// Internal to storage/. Not thread-safe: of the writer's thread. Blocks on the disk.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "storage/catalogue/catalogue.h"
#include "storage/file/folder.h"
#include "storage/journal/figures.h"
#include "storage/journal/journal_options.h"
#include "storage/journal/lane_numbers.h"
#include "storage/journal/space.h"
#include "storage/segment/segment.h"

namespace hookspool::storage {

class SegmentRotation {
 public:
  struct Start {
    std::uint64_t next_number = 1;  // of the segment that is made first
    Uuid greatest_id;
  };
  // What is given by reference must outlive it.
  SegmentRotation(const JournalOptions& options, const Folder& folder, Catalogue& catalogue,
                  ReaderPool& readers, const JournalSpace& space, Figures& figures, const Start& start);

  // The one that groups go into; nullptr: none, until ensure() makes one.
  ActiveSegment* active() const { return segment_.get(); }
  // Of this epoch and the active segment.
  LaneNumbers& lanes() { return lanes_; }
  const LaneNumbers& lanes() const { return lanes_; }
  const Uuid& greatest_id() const { return greatest_id_; }

  JournalResult<void> ensure();
  // Its age counts from its first event.
  bool is_too_old_for(std::int64_t received_at_us) const;
  // Closes the active segment when the next one is there: while that cannot be made, this one goes on.
  // REQUIRES: there is an active segment.
  void roll();
  // A group is durable in the active segment. `greatest_id`: of it and of everything before it.
  void committed(std::span<const EventPtr> events, const Uuid& greatest_id);
  // What is due between two groups, when those of the last one have their answers.
  void maintain();

  // Closes the active segment for good. The epoch and the lanes' numbers go on in the next one. An error: it was sealed.
  // REQUIRES: there is an active segment.
  JournalResult<void> finish();
  JournalResult<void> finish_if_any();  // one without events stays
  JournalResult<void> leave_epoch();
  // After a write that may be half done: see the definition. REQUIRES: there is an active segment.
  void seal();
  // The end: what the record of a sealed segment still lacks, and the active segment.
  JournalResult<void> close();

 private:
  struct Sealed {
    std::uint64_t number = 0;
    Uuid epoch;
  };

  JournalResult<std::unique_ptr<ActiveSegment>> make();
  void begin(std::unique_ptr<ActiveSegment> segment);
  JournalResult<void> complete_sealed();

  const JournalOptions& options_;
  const Folder& folder_;
  Catalogue& catalogue_;
  ReaderPool& readers_;
  const JournalSpace& space_;
  Figures& figures_;
  const std::uint64_t wal_bytes_max_;

  Uuid greatest_id_;
  std::uint64_t next_number_;
  std::unique_ptr<ActiveSegment> segment_;
  std::optional<std::int64_t> began_us_;  // received_at of its first event
  std::uint64_t next_roll_bytes_ = 0;     // of the active segment
  // A segment that an error ended, and whose record does not say yet what of it was refused. Until it does, no event is
  // taken: one that is sent again would be there twice after a restart. It stays the catalogue's active segment so long.
  std::optional<Sealed> sealed_;
  LaneNumbers lanes_;
};

}  // namespace hookspool::storage
