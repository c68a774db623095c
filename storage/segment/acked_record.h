// The record of what was acknowledged from one segment (segment-00000001.acked; FORMAT.md): how far each lane
// got, kept outside the SQLite file so that a tail which that file lost is noticed.
//
// It also says below which time all ids of the segment lie, which a start needs to know of a segment that it cannot read.
// That is written ahead, and is on the disk before such an id is given.
//
// After an error that ends the segment it is replaced by a complete one: rows beyond what that names may be in the file, and
// none of them was answered with success. An opening passes over them, for their senders were asked to send again.
//
// It is written after the group is synced and before its senders are answered, into the page cache; to the
// disk it goes a little later (AckedSyncer). So it may say less than what was acknowledged, never more.
//
// Internal to storage/. Not thread-safe: note() belongs to the writer's thread, sync() to any one at a time; read_acked() is
// for the opening. A slot that is torn or altered does not count: it says nothing, and nothing wrong.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "storage/base/fd.h"
#include "storage/file/folder.h"
#include "storage/model/event.h"
#include "storage/model/journal_error.h"
#include "storage/model/uuid.h"

namespace hookspool::storage {

// A lane's name must fit into its slot; append() refuses a longer one.
constexpr std::size_t kLaneNameBytesMax = 104;

struct AckedLane {
  std::uint32_t number = 0;  // of the lane, within the segment
  std::string lane;
  std::uint64_t first_seq = 0;
  std::uint64_t last_seq = 0;
};

struct Acked {
  Uuid epoch;
  std::int32_t format = 0;       // of the segment's tables
  std::vector<AckedLane> lanes;  // by their numbers
  bool too_new = false;          // a newer hookspool wrote it; then the rest is not known
  Uuid greatest_id;              // no event here has a greater one; nil: not known (version 1, or damaged)
  bool complete = false;         // no other event of this segment was acknowledged
};

// How far ahead the time of ids is written down. After a start that cannot read the newest segment, new ids may be that
// much ahead of the clock.
constexpr std::uint64_t kIdsAheadMs = 60'000;

class AckedRecord {
 public:
  static JournalResult<std::shared_ptr<AckedRecord>> create(const std::filesystem::path& file,
                                                            std::uint64_t segment, const Uuid& epoch);
  AckedRecord(const AckedRecord&) = delete;
  AckedRecord& operator=(const AckedRecord&) = delete;

  // A durable group, with the lane's number in the segment for each event. What could not be written is
  // written with the next group.
  JournalResult<void> note(std::span<const EventPtr> events, std::span<const std::uint32_t> lane_numbers);
  JournalResult<void> sync();

  // Before a group with ids up to this one is written: syncs, but mostly only once in kIdsAheadMs. By the writer's thread.
  JournalResult<void> reserve_ids(const Uuid& greatest_id);

 private:
  AckedRecord(std::filesystem::path file, Fd fd) : file_(std::move(file)), fd_(std::move(fd)) {}
  JournalResult<void> grow_to(std::uint32_t slot_number);

  const std::filesystem::path file_;
  const Fd fd_;
  std::vector<AckedLane> lanes_;       // lane number n at n - 1
  std::set<std::uint32_t> unwritten_;  // lane numbers
  std::uint64_t bytes_ = 0;
  std::uint64_t ids_below_ms_ = 0;  // as it is on the disk
};

// Writes a complete record in place of the one that is there, or is not, and syncs it. By the writer's thread.
JournalResult<void> complete_acked(const Folder& folder, std::uint64_t segment, const Uuid& epoch,
                                   std::span<const AckedLane> lanes, const Uuid& greatest_id);

// Nothing if there is no such file, or if it is not the one of this segment. An error: it cannot be read at the moment,
// and what it says is not known. `system_errno`, if given, gets the reason.
JournalResult<std::optional<Acked>> read_acked(const std::filesystem::path& file, std::uint64_t segment,
                                               int* system_errno = nullptr);

}  // namespace hookspool::storage
