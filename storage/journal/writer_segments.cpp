// The files that the writer's groups go into: made, rolled, checkpointed, finished, sealed.
#include <utility>

#include "storage/journal/writer.h"

namespace hookspool::storage {
namespace {

constexpr std::uint64_t kRollRetryShare = 16;  // of segment_bytes_max, before a new segment is tried again

}  // namespace

JournalResult<void> Writer::rotate_if_any() {
  const Figures::AtDisk at_disk(figures_);
  if (segment_ == nullptr || !segment_began_us_) return {};
  return finish_segment();
}

JournalResult<void> Writer::leave_epoch() {
  const Figures::AtDisk at_disk(figures_);
  // A segment that cannot be finished is sealed, and its epoch with it: all that is wanted here.
  if (segment_ != nullptr && !finish_segment()) return {};
  lanes_.clear();
  catalogue_.begin_epoch(random_uuid(options_.random_bytes));
  return {};
}

JournalResult<void> Writer::ensure_segment() {
  if (segment_ != nullptr) return {};
  if (auto completed = complete_sealed(); !completed) {
    figures_.failed(completed.error());
    return completed;
  }
  JournalResult<std::unique_ptr<ActiveSegment>> made = make_segment();
  if (!made) {
    JournalError error = made.error();
    if (error.kind == JournalError::Kind::kIo && !space_.files_possible()) {
      error = {JournalError::Kind::kFull, "the disk has no inodes left for a new file: " + error.text};
    }
    figures_.failed(error);
    return fail(std::move(error));
  }
  begin_segment(std::move(*made));
  return {};
}

JournalResult<std::unique_ptr<ActiveSegment>> Writer::make_segment() {
  return ActiveSegment::create(folder_, options_.vfs, {next_number_++, catalogue_.epoch(), greatest_id_});
}

void Writer::begin_segment(std::unique_ptr<ActiveSegment> segment) {
  segment_ = std::move(segment);
  next_roll_bytes_ = options_.segment_bytes_max;
  catalogue_.begin_segment(segment_->file(), greatest_id_);
  if (const auto& acked = segment_->acked(); !acked)
    figures_.count_tolerated_failure(&JournalStats::acked_record_failures, acked.error());
}

// Closes the active segment when the next one is there: while that cannot be made, this one goes on. A failure
// to close it seals it; then its epoch has ended, and with it the new segment's.
void Writer::roll() {
  JournalResult<std::unique_ptr<ActiveSegment>> next = make_segment();
  if (!next) {
    figures_.count_tolerated_failure(&JournalStats::rotation_failures, next.error());
    next_roll_bytes_ = segment_->bytes() + options_.segment_bytes_max / kRollRetryShare;
    return;
  }
  if (finish_segment()) return begin_segment(std::move(*next));
  const std::uint64_t number = (*next)->file()->number;
  next->reset();
  folder_.discard_segment(number);
}

// Closes the active segment for good. The epoch and the lanes' numbers go on in the next one.
JournalResult<void> Writer::finish_segment() {
  if (const auto finished = segment_->finish(); !finished) {
    figures_.failed(finished.error().error);
    seal();
    return fail(finished.error().error);
  }
  const std::string path = segment_->file()->path.string();
  segment_.reset();
  segment_began_us_.reset();
  lanes_in_segment_ = 0;
  for (auto& [name, state] : lanes_) state.number_in_segment = 0;
  catalogue_.set_active_bytes(file_bytes(path) + file_bytes(path + "-wal"));
  catalogue_.end_segment();
  return {};
}

// What is due between two groups, when those of the last one have their answers.
void Writer::maintain() {
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
void Writer::seal() {
  if (std::unique_ptr<SegmentReader> reader = segment_->into_reader()) readers_.park(std::move(reader));
  sealed_ = {segment_->file()->number, catalogue_.epoch()};
  segment_.reset();
  segment_began_us_.reset();
  lanes_in_segment_ = 0;
  lanes_.clear();
  catalogue_.begin_epoch(random_uuid(options_.random_bytes));
  figures_.sealed();
  (void)complete_sealed();  // else before the next segment is made
}

// The group that met the error may be durable in spite of it. Its senders are asked to send again, so the record must say
// that what lies beyond it does not count, before one of them can be answered with success.
JournalResult<void> Writer::complete_sealed() {
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
