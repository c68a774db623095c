// The thread that writes the index of deliveries, so that the journal's writer never waits for that index's disk.
//
// What is not yet in the index stays in memory, where find() sees it. Where the index cannot keep up, at most
// kUnwrittenKeysMax keys wait; further ones are dropped and counted, and the owner reads them again from the journal's
// segments. After a failed write it waits for resume(), and keeps what it has.
// Thread-safe. `index` outlives this. No call but flush(), stop() and the destructor waits. The thread ends with stop() alone:
// what a write throws counts as a failed write.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>

#include "agent/base/owned_threads.h"
#include "agent/base/time_source.h"
#include "storage/base/mutex.h"
#include "storage/dedupe/dedupe_index.h"

namespace hookspool::agent {

class DedupeWriter {
 public:
  using Milliseconds = std::chrono::milliseconds;
  using Entry = storage::DedupeIndex::Entry;
  static constexpr std::size_t kUnwrittenKeysMax = 65'536;  // about 5 MiB of memory
  static constexpr std::size_t kBatchKeys = 1'024;          // of one write

  // Starts the thread. `time`: for the age of the index's generations.
  explicit DedupeWriter(storage::DedupeIndex& index, std::size_t unwritten_keys_max = kUnwrittenKeysMax,
                        const TimeSource& time = real_time());
  ~DedupeWriter();  // waits for the write under way
  DedupeWriter(const DedupeWriter&) = delete;
  DedupeWriter& operator=(const DedupeWriter&) = delete;

  // Returns how many of them were dropped, for want of room or of memory.
  std::size_t add(std::span<const Entry> entries) noexcept EXCLUDES(mutex_);
  // Of what is not yet in the index. Ask it before the index: a key goes from here only when it is there.
  std::optional<Uuid> find(const Uuid& key) const EXCLUDES(mutex_);
  std::size_t unwritten() const EXCLUDES(mutex_);

  // Waits until everything that was added before the call is in the index. False: a write failed, or the time was over.
  bool flush(Milliseconds limit) EXCLUDES(mutex_);
  void resume() EXCLUDES(mutex_);  // after a failure: the index may have been opened again
  // Writes what it has, then ends. False: it was still at a write when the grace was over; the destructor waits for that.
  bool stop(Milliseconds grace) EXCLUDES(mutex_);

 private:
  using Keys = std::map<Uuid, Uuid>;

  void ask_to_end() EXCLUDES(mutex_);
  void run() EXCLUDES(mutex_);
  std::shared_ptr<const Keys> next_keys() EXCLUDES(mutex_);
  bool write(const Keys& keys);
  std::size_t being_written() const REQUIRES(mutex_) { return writing_ == nullptr ? 0 : writing_->size(); }
  bool has_room() const REQUIRES(mutex_) { return coming_.size() + being_written() < unwritten_keys_max_; }

  storage::DedupeIndex& index_;
  const std::size_t unwritten_keys_max_;
  const TimeSource& time_;
  mutable Mutex mutex_;
  CondVar changed_;
  Keys coming_ GUARDED_BY(mutex_);
  // Of the write under way. Shared with it, so that find() may look while the thread reads it without the lock: it is
  // replaced as a whole, never altered. Null: none.
  std::shared_ptr<const Keys> writing_ GUARDED_BY(mutex_);
  // The round that writing_ is of, and the last one that is in the index.
  std::uint64_t round_ GUARDED_BY(mutex_) = 0, written_ GUARDED_BY(mutex_) = 0;
  bool failed_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
  bool ended_ GUARDED_BY(mutex_) = false;
  OwnedThreads thread_;  // last: it uses all of the above
};

}  // namespace hookspool::agent
