// What the writer counts, for whoever asks how the journal is doing.
//
// Internal to storage/. Thread-safe: one mutex over plain numbers.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>

#include "storage/journal.h"

namespace hookspool::storage {

class Figures {
 public:
  void committed(std::uint64_t commit_us);
  void appended(std::uint64_t events);
  void refused(std::uint64_t events);
  void failed(const JournalError& error);  // a group or a new segment
  // Counts a failure that kept no event from being accepted.
  void put_up_with(std::uint64_t JournalStats::*counter, const JournalError& error);
  void sealed();
  void lost(std::uint64_t events);
  void wal(std::uint64_t bytes);

  // Whether nothing could be written since the last failure.
  bool failing() const;

  // `no_room`: why nothing is accepted for want of room at the moment. Sizes are the caller's to fill in.
  JournalStats snapshot(const std::optional<JournalError>& no_room) const;

 private:
  mutable std::mutex mutex_;
  JournalStats counted_;                      // guarded by mutex_
  std::optional<JournalError> last_failure_;  // guarded by mutex_; none once something was written again
};

}  // namespace hookspool::storage
