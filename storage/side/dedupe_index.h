// Which deliveries were taken already: a key made of the sender's own id -> the event that it became.
//
// An index beside the journal and never the truth: each key also stands in its event's row, so what a crash took from the
// index is read again from the segments (complete_before(), Journal::scan_dedupe_keys()). Kept in LevelDB, in generations
// that each take a quarter of the keys or of the time, whichever is reached first; forgetting is removing the oldest one.
// A clock that jumps only begins the next generation early.
//
// Limits: at least keys_max keys, at most 5/4 of them. Ten million take 25 MiB of memory, half of it the filters of
// kFilterBitsPerKey, and 422 MiB of disk (tests/bench/dedupe_size).
//
// Thread-safe. find(), complete_before(), failed() and figures() wait for no write. Errors come back as values.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "storage/model/journal_error.h"
#include "storage/model/uuid.h"

namespace hookspool::storage {

struct DedupeOptions {
  std::filesystem::path folder;  // made if absent; belongs to the index alone
  std::uint64_t keys_max = 10'000'000;
  std::chrono::microseconds keep =
      std::chrono::hours(7 * 24);  // longer if keys_max allows, by a quarter at most
};

struct DedupeFigures {
  std::uint64_t keys = 0;  // in all generations
  std::uint64_t generations = 0;
  std::uint64_t failures = 0;  // of reads and writes since the opening
  std::string last_error;
};

class DedupeIndex {
 public:
  static constexpr std::size_t kFilterBitsPerKey = 10;

  struct Entry {
    Uuid key;
    Uuid event_id;
  };
  struct Opened {
    std::unique_ptr<DedupeIndex> index;  // never null
    std::vector<std::string> notes;      // generations that could not be read and were made anew
    std::string
        unopened;  // why the disk does not give it at the moment; then failed(), and reopen() tries again
  };
  static Opened open(DedupeOptions options);
  ~DedupeIndex();
  DedupeIndex(const DedupeIndex&) = delete;
  DedupeIndex& operator=(const DedupeIndex&) = delete;

  // The event that this key became; nothing if it is not known. While the index is not open that is an error.
  JournalResult<std::optional<Uuid>> find(const Uuid& key) const;
  // `now_us`: any clock's word, it only ends generations. Not synced: see above.
  JournalResult<void> put(std::span<const Entry> entries, std::int64_t now_us);

  // The keys of all segments below this number are in the index, durably. 0: nothing is known.
  std::uint64_t complete_before() const;
  // Syncs and remembers it; does not go back. REQUIRES: they were all put.
  JournalResult<void> set_complete_before(std::uint64_t segment, std::int64_t now_us);
  // Takes back what was said of numbers from this one on, durably: they are going to be given anew. Where that fails, or
  // the index is not open, the next opening does it.
  JournalResult<void> limit_complete_before(std::uint64_t segment);

  // After a failed write or opening: closes the files and opens them again. Afterwards complete_before() says what has to
  // be put again.
  JournalResult<void> reopen();
  bool failed() const;  // a write failed since the last opening, or the opening itself

  DedupeFigures figures() const;

 private:
  class Impl;
  explicit DedupeIndex(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hookspool::storage
