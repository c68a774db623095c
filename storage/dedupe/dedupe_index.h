// Which deliveries were taken already: a key made of the sender's own id -> the event that it became.
//
// An index beside the journal and never the truth: each key also stands in its event's row, so what a crash took from the
// index is read again from the segments (complete_before(), Journal::scan_dedupe_keys()).
//
// Files, in a folder that belongs to the index alone:
//   log-N                the newest keys, in the order in which they came; the same keys are in memory (key_log.h)
//   run-G-N-M-L.keys     the keys of the logs N to M, sorted, with a filter: written once, never changed (key_run.h)
// A log of kLogKeysMax keys becomes a run of level 0; kMergedRuns runs of a level become one of the next. Keys are forgotten
// by generations, each of a quarter of the keys or of the time, whichever is reached first: the runs of the oldest generation
// are removed. Time counts while the index is open, up to the last put() or set_complete_before(), by a clock that does not jump; so the
// wall clock plays no part, and an agent that is stopped for long remembers for longer.
//
// Limits: at least keys_max keys, at most 5/4 of them. Figures of memory, disk and time: tests/bench/dedupe_size.
//
// Thread-safe. find(), find_reads_disk(), complete_before(), failed() and figures() wait for no write to the disk; put() and
// the setters write one after the other, and a put() may write a run or merge runs (32 bytes a key of one generation at most). Errors come back
// as values.
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

#include "storage/dedupe/key_run.h"
#include "storage/model/journal_error.h"
#include "storage/model/uuid.h"

namespace hookspool::storage {

struct DedupeOptions {
  std::filesystem::path folder;  // made if absent; belongs to the index alone
  std::uint64_t keys_max = 10'000'000;
  std::chrono::microseconds keep =
      std::chrono::hours(7 * 24);  // of time that counts; longer if keys_max allows, by a quarter
};

struct DedupeFigures {
  std::uint64_t keys = 0;  // in all generations
  std::uint64_t generations = 0;
  std::uint64_t failures = 0;  // of reads and writes since the opening
  std::string last_error;
};

class DedupeIndex {
 public:
  static constexpr std::size_t kLogKeysMax = 16'384;  // in memory as well: about 1.5 MiB
  static constexpr std::size_t kMergedRuns = 8;
  static constexpr std::size_t kUnmergedRunsMax =
      32;  // of one level, while the disk does not let them be merged

  using Clock = std::chrono::steady_clock;
  using Entry = KeyEntry;
  struct Opened {
    std::unique_ptr<DedupeIndex> index;  // never null
    std::vector<std::string> notes;      // what could not be read and was removed
    std::string
        unopened;  // why the disk does not give it at the moment; then failed(), and reopen() tries again
  };
  static Opened open(DedupeOptions options, Clock::time_point now);
  ~DedupeIndex();
  DedupeIndex(const DedupeIndex&) = delete;
  DedupeIndex& operator=(const DedupeIndex&) = delete;

  // The event that this key became; nothing if it is not known. Until the index was open once that is an error. After a
  // kCorrupt it failed(): reopen() removes what is damaged.
  JournalResult<std::optional<Uuid>> find(const Uuid& key) const;
  // Whether find() would read a file for it: of a key that is there nearly always, of another one hardly ever.
  bool find_reads_disk(const Uuid& key) const;
  // Not synced: see above.
  JournalResult<void> put(std::span<const Entry> entries, Clock::time_point now);

  // The keys of all segments below this number are in the index, durably. 0: nothing is known.
  std::uint64_t complete_before() const;
  // Syncs and remembers it; does not go back. REQUIRES: they were all put.
  JournalResult<void> set_complete_before(std::uint64_t segment, Clock::time_point now);
  // Takes back what was said of numbers from this one on, durably: they are going to be given anew. Where that fails, or
  // the index is not open, the next opening does it.
  JournalResult<void> limit_complete_before(std::uint64_t segment);

  // Before an end: a put() leaves runs unmerged from now on, which costs later look-ups a little, and one that merges at this
  // moment stops. Waits for nothing.
  void stop_merging();

  // After a failure: reads the files again; what was read before is found until then. Afterwards complete_before() says what has to be put again. Answers what was
  // removed for damage.
  JournalResult<std::vector<std::string>> reopen();
  bool failed() const;  // since the last opening: a write, a damaged run, or the opening itself

  DedupeFigures figures() const;

 private:
  class Impl;
  explicit DedupeIndex(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hookspool::storage
