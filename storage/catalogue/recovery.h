// What the opening of a journal does with the segments it finds: reads what they hold, finishes what a crash
// interrupted, sets aside what cannot be read.
//
// Internal to storage/. Not thread-safe: runs once, before the writer exists, with the folder's lock held.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "storage/catalogue/catalogue.h"
#include "storage/file/folder.h"
#include "storage/model/journal_error.h"
#include "storage/model/lane_run.h"
#include "storage/model/uuid.h"

namespace hookspool::storage {

struct RecoveryReport {
  std::uint64_t greatest_number = 0;                // of a segment, whatever became of it
  Uuid greatest_id;                                 // ever given to an event here
  std::vector<std::string> notes;                   // for the operator
  std::vector<std::string> losses;                  // acknowledged events that no file has any more
  std::vector<LostIds> lost_ids;                    // of the same
  std::uint64_t lost = 0;                           // how many
  std::vector<std::uint64_t> not_set_aside;         // Tidy::kNo: segments that would have been set aside
  std::map<std::uint64_t, std::string> unreadable;  // segments that are there and cannot be read now, and why
};

// Whether the folder may be tidied up: what is damaged set aside, what is empty removed.
enum class Tidy { kYes, kNo };

// Fills the catalogue. kTooNew: a segment was written by a newer hookspool, and nothing was changed.
JournalResult<RecoveryReport> recover_segments(const Folder& folder, const std::string& vfs,
                                               Catalogue& catalogue, Tidy tidy = Tidy::kYes);

// Keeps `id` as the greatest ever given when the segment that knows it goes (FORMAT.md, "greatest-id").
JournalResult<void> keep_greatest_id(const Folder& folder, const Uuid& id);

}  // namespace hookspool::storage
