// The writer's counters, for the journal's statistics.
//
// Internal to storage/. Thread-safe: one mutex over plain numbers.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "storage/base/mutex.h"
#include "storage/journal/journal_stats.h"
#include "storage/model/journal_error.h"

namespace hookspool::storage {

class Figures {
 public:
  void committed(std::uint64_t commit_us, std::uint64_t sync_us);
  void appended(std::uint64_t events);
  void refused(std::uint64_t events);
  void failed(const JournalError& error);  // a group or a new segment
  // Counts a failure that kept no event from being accepted.
  void count_tolerated_failure(std::uint64_t JournalStats::*counter, const JournalError& error);
  void sealed();
  void lost(std::uint64_t events);
  void wal(std::uint64_t bytes);

  // While one of these lives, the writer is busy with its files: a stall then is the disk's.
  class AtDisk {
   public:
    explicit AtDisk(Figures& figures) : at_disk_(figures.at_disk_) { at_disk_ = true; }
    ~AtDisk() { at_disk_ = false; }
    AtDisk(const AtDisk&) = delete;
    AtDisk& operator=(const AtDisk&) = delete;

   private:
    std::atomic<bool>& at_disk_;
  };

  // Whether nothing could be written since the last failure.
  bool failing() const;

  // `no_room`: why nothing is accepted for want of room at the moment. Sizes are the caller's to fill in.
  JournalStats snapshot(const std::optional<JournalError>& no_room) const;

 private:
  std::atomic<bool> at_disk_ = false;
  Histogram commits_took_, syncs_took_;
  mutable Mutex mutex_;
  JournalStats counted_ GUARDED_BY(mutex_);
  std::optional<JournalError> last_failure_ GUARDED_BY(mutex_);  // none once something was written again
};

}  // namespace hookspool::storage
