#include "storage/journal/segment_rotation.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace hookspool::storage {
namespace {

constexpr std::uint64_t kRollRetryShare = 16;  // of segment_bytes_max, before a new segment is tried again

}  // namespace

SegmentRotation::SegmentRotation(const JournalOptions& options, const Folder& folder, Catalogue& catalogue,
                                 ReaderPool& readers, const JournalSpace& space, Figures& figures,
                                 const Start& start)
    : options_(options),
      folder_(folder),
      catalogue_(catalogue),
      readers_(readers),
      space_(space),
      figures_(figures),
      wal_bytes_max_(std::min(kWalBytesMax, options.segment_bytes_max / 4)),
      greatest_id_(start.greatest_id),
      next_number_(start.next_number) {}

bool SegmentRotation::is_too_old_for(std::int64_t received_at_us) const {
  return began_us_ && received_at_us - *began_us_ >= options_.segment_age_max.count();
}

void SegmentRotation::committed(std::span<const EventPtr> events, const Uuid& greatest_id) {
  greatest_id_ = greatest_id;
  // A clock that stepped back begins the segment's age anew: else none would be closed by age until it has caught up.
  for (const EventPtr& event : events)
    began_us_ = std::min(began_us_.value_or(event->event.received_at_us), event->event.received_at_us);
}

JournalResult<void> SegmentRotation::finish_if_any() {
  const Figures::AtDisk at_disk(figures_);
  if (segment_ == nullptr || !began_us_) return {};
  return finish();
}

JournalResult<void> SegmentRotation::close() {
  (void)complete_sealed();
  return segment_ == nullptr ? JournalResult<void>() : finish();
}

JournalResult<void> SegmentRotation::leave_epoch() {
  const Figures::AtDisk at_disk(figures_);
  // A segment that cannot be finished is sealed, and its epoch with it: all that is wanted here.
  if (segment_ != nullptr && !finish()) return {};
  lanes_.end_epoch();
  catalogue_.begin_epoch(random_uuid(options_.random_bytes));
  return {};
}

JournalResult<void> SegmentRotation::ensure() {
  if (segment_ != nullptr) return {};
  if (auto completed = complete_sealed(); !completed) {
    figures_.failed(completed.error());
    return completed;
  }
  JournalResult<std::unique_ptr<ActiveSegment>> made = make();
  if (!made) {
    JournalError error = made.error();
    if (error.kind == JournalError::Kind::kIo && !space_.files_possible()) {
      error = {JournalError::Kind::kFull, "the disk has no inodes left for a new file: " + error.text};
    }
    figures_.failed(error);
    return fail(std::move(error));
  }
  begin(std::move(*made));
  return {};
}

JournalResult<std::unique_ptr<ActiveSegment>> SegmentRotation::make() {
  return ActiveSegment::create(folder_, options_.vfs, {next_number_++, catalogue_.epoch(), greatest_id_});
}

void SegmentRotation::begin(std::unique_ptr<ActiveSegment> segment) {
  segment_ = std::move(segment);
  next_roll_bytes_ = options_.segment_bytes_max;
  catalogue_.begin_segment(segment_->file(), greatest_id_);
  if (const auto& acked = segment_->acked(); !acked)
    figures_.count_tolerated_failure(&JournalStats::acked_record_failures, acked.error());
}

// A failure to close it seals it; then its epoch has ended, and with it the new segment's.
void SegmentRotation::roll() {
  JournalResult<std::unique_ptr<ActiveSegment>> next = make();
  if (!next) {
    figures_.count_tolerated_failure(&JournalStats::rotation_failures, next.error());
    next_roll_bytes_ = segment_->bytes() + options_.segment_bytes_max / kRollRetryShare;
    return;
  }
  if (finish()) return begin(std::move(*next));
  const std::uint64_t number = (*next)->file()->number;
  next->reset();
  folder_.discard_segment(number);
}

JournalResult<void> SegmentRotation::finish() {
  if (const auto finished = segment_->finish(); !finished) {
    figures_.failed(finished.error().error);
    seal();
    return fail(finished.error().error);
  }
  const std::string path = segment_->file()->path.string();
  segment_.reset();
  began_us_.reset();
  lanes_.end_segment();
  catalogue_.set_active_bytes(file_bytes(path) + file_bytes(path + "-wal"));
  catalogue_.end_segment();
  return {};
}

void SegmentRotation::maintain() {
  const Figures::AtDisk at_disk(figures_);
  if (segment_->bytes() >= next_roll_bytes_) return roll();
  const Result<void, SegmentFailure> checkpointed = segment_->checkpoint_if_due(wal_bytes_max_);
  figures_.wal(segment_->wal_bytes());
  if (checkpointed) return;
  figures_.count_tolerated_failure(&JournalStats::checkpoint_failures, checkpointed.error().error);
  if (!checkpointed.error().usable) seal();
}

// The file is left exactly as it is, for ever: what its last sync did is not known. What is durable in it can
// still be read. Numbers begin anew under another epoch, so that no event can meet a number that an
// unacknowledged one may have in that file.
void SegmentRotation::seal() {
  if (std::unique_ptr<SegmentReader> reader = segment_->into_reader()) readers_.park(std::move(reader));
  sealed_ = {segment_->file()->number, catalogue_.epoch()};
  segment_.reset();
  began_us_.reset();
  lanes_.end_epoch();
  catalogue_.begin_epoch(random_uuid(options_.random_bytes));
  figures_.sealed();
  (void)complete_sealed();  // else before the next segment is made
}

// The group that met the error may be durable in spite of it. Its senders are asked to send again, so the record must say
// that what lies beyond it does not count, before one of them can be answered with success.
JournalResult<void> SegmentRotation::complete_sealed() {
  if (!sealed_) return {};
  std::vector<AckedLane> lanes;
  for (SegmentLane& lane : catalogue_.lanes_of(sealed_->number))
    lanes.push_back({lane.number, std::move(lane.lane), lane.first_seq, lane.last_seq});
  if (auto completed = complete_acked(folder_, sealed_->number, sealed_->epoch, lanes, greatest_id_);
      !completed)
    return completed;
  sealed_.reset();
  catalogue_.end_segment();
  return {};
}

}  // namespace hookspool::storage
