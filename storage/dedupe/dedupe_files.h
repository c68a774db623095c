// What the index's folder holds, as an opening finds it. Leftovers of a crash are removed.
//
// Internal to storage/dedupe. Pure but for the files; called by one thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "storage/dedupe/key_log.h"
#include "storage/dedupe/key_run.h"
#include "storage/model/journal_error.h"

namespace hookspool::storage {

struct DedupeFiles {
  std::vector<std::shared_ptr<const KeyRun>> runs;  // oldest first
  IndexState state;                                 // complete_before 0 if something was damaged
  std::vector<KeyEntry> entries;                    // that are in no run, oldest first
  std::uint64_t greatest_log = 0;                   // of any number in use
  // Logs, and runs that are damaged: to be removed once a new log holds `state` and `entries`, and not before, so that what
  // damage took from complete_before is not forgotten by a crash in between.
  std::vector<std::filesystem::path> obsolete;
};

// Makes the folder if it is absent. `suspects`: runs that gave a damaged block; each is read through.
// Notes: what is damaged. An error: the disk does not give it at the moment; nothing was removed for that.
JournalResult<DedupeFiles> read_dedupe_files(const std::filesystem::path& folder,
                                             const std::set<std::filesystem::path>& suspects,
                                             std::vector<std::string>& notes);

}  // namespace hookspool::storage
