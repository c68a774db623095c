// The thread that writes the index of deliveries, so that the journal's writer never waits for that index's disk.
//
// What is not yet in the index stays in memory, where find() sees it. Where the index cannot keep up, at most
// kUnwrittenKeysMax keys wait; further ones are dropped and counted, and the owner reads them again from the journal's
// segments. After a failed write it waits for resume(), and keeps what it has.
// Thread-safe. `index` outlives this. No call but flush(), stop() and the destructor waits.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <thread>

#include "storage/side/dedupe_index.h"

namespace hookspool::agent {

class DedupeWriter {
 public:
  using Milliseconds = std::chrono::milliseconds;
  using Entry = storage::DedupeIndex::Entry;
  static constexpr std::size_t kUnwrittenKeysMax = 65'536;  // about 5 MiB of memory
  static constexpr std::size_t kBatchKeys = 1'024;          // of one write

  // Starts the thread.
  explicit DedupeWriter(storage::DedupeIndex& index, std::size_t unwritten_keys_max = kUnwrittenKeysMax);
  ~DedupeWriter();  // waits for the write at hand
  DedupeWriter(const DedupeWriter&) = delete;
  DedupeWriter& operator=(const DedupeWriter&) = delete;

  // Returns how many of them were dropped, for want of room or of memory.
  std::size_t add(std::span<const Entry> entries) noexcept;
  // Of what is not yet in the index. Ask it before the index: a key goes from here only when it is there.
  std::optional<Uuid> find(const Uuid& key) const;
  std::size_t unwritten() const;

  // Waits until everything that was added before the call is in the index. False: a write failed, or the time was over.
  bool flush(Milliseconds limit);
  void resume();  // after a failure: the index may have been opened again
  // Writes what it has, then ends. False: it was still at a write when the grace was over; the destructor waits for that.
  bool stop(Milliseconds grace);

 private:
  using Keys = std::map<Uuid, Uuid>;

  void run();
  bool write_all();  // what is in writing_
  bool has_room() const { return coming_.size() + writing_.size() < unwritten_keys_max_; }

  storage::DedupeIndex& index_;
  const std::size_t unwritten_keys_max_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // All guarded by mutex_. The thread alone alters writing_, and so may read it without.
  Keys coming_, writing_;
  std::uint64_t round_ = 0,
                written_ = 0;  // the round that writing_ is of, and the last one that is in the index
  bool failed_ = false, stopping_ = false, ended_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace hookspool::agent
