// Salvage: every event of which all bytes are still there is taken out of damaged segments, or out of any file, and
// put back into the journal under its own epoch, number and id.
//
// A segment that owes such numbers is made anew with them; all others go into new segments. What can be read in the
// journal already is left alone, so doing it again, also after a kill in the middle, adds nothing twice. Whether
// PostgreSQL has an event is decided when the journal is open again, by the watermark and the numbers recorded as lost.
//
// REQUIRES: no process has the journal open; its lock is held meanwhile. Not thread-safe. Memory: SalvageScan's, and
// one group of events.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "storage/model/journal_error.h"
#include "storage/model/result.h"
#include "storage/model/uuid.h"

namespace hookspool::storage {

// How far it is, for who waits: the file in hand, and its events so far.
struct SalvageStep {
  const std::filesystem::path& file;
  std::size_t file_number = 1, files = 1;  // the first is 1
  std::uint64_t events = 0;                // written, or (dry_run) read
};

struct SalvageOptions {
  std::filesystem::path folder;  // the journal; it must be there
  // Empty: all that were set aside in the journal's folder, and segments that lie there under names of their own.
  std::vector<std::filesystem::path> files;
  // Tried besides those that are found in the files and in the journal.
  std::vector<Uuid> epochs;
  std::vector<std::string> lanes;
  bool dry_run = false;  // looks, and changes nothing
  // Called with each file and each event; empty: not wanted. Must be quick and not throw.
  std::function<void(const SalvageStep&)> on_step{};
  std::string vfs;
};

struct SalvagedFile {
  struct Numbers {  // of one lane, without a gap
    std::string lane;
    Uuid epoch;
    std::uint64_t first_seq = 0;
    std::uint64_t last_seq = 0;
  };
  struct Damaged {
    std::string lane;  // empty: not known
    std::uint64_t seq = 0;
    Uuid id;
  };
  std::string file;
  std::string error;  // why it could not be read; then nothing else is known
  std::uint64_t pages = 0;
  std::uint64_t unreadable_pages = 0;
  std::uint64_t found = 0;  // intact and damaged
  std::uint64_t intact = 0;
  std::uint64_t damaged = 0;
  std::vector<Damaged> damaged_rows;    // the first of them, as far as their bytes can be believed
  std::vector<Numbers> missing;         // nowhere, in the segments that were made
  std::uint64_t already_there = 0;      // can be read in the journal
  std::uint64_t already_delivered = 0;  // of those to import: as far as the journal's cursors know
  std::uint64_t refused = 0;            // were answered with an error, and are not imported
  std::uint64_t imported = 0;           // dry_run: what could be, if it is nowhere else
  std::vector<std::string> segments;    // that were made for them
  std::string renamed_to;               // what had been set aside is through
};

struct SalvageReport {
  std::vector<SalvagedFile> files;
  std::vector<std::string> notes;  // what the opening of the journal found
};

// kNotFound: no journal there. kLocked: an agent has it open.
JournalResult<SalvageReport> salvage(const SalvageOptions& options);

}  // namespace hookspool::storage
