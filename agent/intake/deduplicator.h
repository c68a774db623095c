// One event for one delivery, however often its sender repeats it: at the same time, later, and after a crash.
//
// A repeat is answered with the first one's id once that is on disk, and never before. A delivery that failed is not
// remembered: its repeat is taken. Where the index cannot be read or written, events are taken all the same, since most
// senders would not send again what was refused; how often that was is counted, and the log says so.
//
// A key is known from its commit on: in memory until a thread of its own has put it into the index (DedupeWriter), which
// is complete for a segment only when every key of it has been put in. What is missing is read from the segments.
// Thread-safe. once() and committed() do not wait; repeats of a delivery that is on its way get their answers with it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/time_source.h"
#include "agent/intake/dedupe_writer.h"
#include "agent/intake/lost_deliveries.h"
#include "storage/base/mutex.h"
#include "storage/dedupe/dedupe_index.h"
#include "storage/journal/journal.h"

namespace hookspool::agent {

// 128 bits of a SHA-256 over the source and what makes a delivery of it the same one (repeat_key.h).
Uuid dedupe_key(std::string_view source, std::string_view identity);

class Deduplicator {
 public:
  struct Taken {
    Uuid id;
    bool duplicate = false;
  };
  using Done = std::function<void(storage::JournalResult<Taken>)>;
  using Take = std::function<void(storage::Journal::Appended)>;

  using Clock = storage::DedupeIndex::Clock;
  struct Limits {
    std::size_t unwritten_keys_max = DedupeWriter::kUnwrittenKeysMax;
    std::chrono::milliseconds read_again{300'000};  // after a segment could not be read
    std::chrono::milliseconds flush_max{2'000};     // waited for the index's thread
  };

  // `index` and `time` outlive this.
  explicit Deduplicator(storage::DedupeIndex& index) : Deduplicator(index, Limits{}) {}
  Deduplicator(storage::DedupeIndex& index, const Limits& limits, const TimeSource& time = real_time())
      : limits_(limits), time_(time), index_(index), writer_(index, limits.unwritten_keys_max, time) {}

  // Runs `take` unless an event of this key is there already or being taken. `lane`: the key's source. `done` is called exactly once: before this
  // returns, or by the thread that ends the taking; it must neither block nor throw. Those that came while an event was being
  // taken fail with it. What `take` throws comes out of here, after `done`.
  void once(std::string_view lane, const Uuid& key, const Take& take, Done done);
  // Whether once() would read a file for this key, as it does for most repeats.
  bool reads_disk(const Uuid& key) const { return !writer_.find(key) && index_.find_reads_disk(key); }

  // Events that were lost are known no longer, so that what their senders repeat is taken: from now on, and by a note in
  // the journal in every later life. recall(): reads that note. An error: it holds for this life, and is read or written with
  // the next call, of keep_note() too.
  storage::JournalResult<void> recall(const storage::JournalNotes& notes);
  storage::JournalResult<void> forget(storage::JournalNotes& notes, std::span<const storage::LostIds> lost);
  storage::JournalResult<void> keep_note(storage::JournalNotes& notes);

  // By the journal's writer, for every group, before its senders are answered.
  void committed(std::span<const EventPtr> events) noexcept;
  // Puts in what the index lacks, after a start or a failure; then, now and then, remembers how far it is whole. A segment
  // that cannot be read at the moment is tried again later, and at once when the journal has read it (try_unreadable()); the
  // index is not whole until then.
  // Not called by two threads at once. Nothing is lost by an error: it is tried again with the next call.
  storage::JournalResult<void> catch_up(const storage::JournalAdmin& journal);
  // A running catch_up() ends with the segment it reads; what is left is read in the next life.
  void interrupt() {
    interrupted_ = true;
    index_.stop_merging();
  }
  // Before the first event of a life: numbers of segments that are no more are given anew. After the last, when the
  // journal was closed without an error: the next life has nothing to read. Neither beside catch_up().
  storage::JournalResult<void> begin(const storage::JournalAdmin& journal);
  storage::JournalResult<void> end(const storage::JournalAdmin& journal);
  // Ends the index's thread. False: it was still at a write when the grace was over; the destructor waits for that.
  bool stop(std::chrono::milliseconds grace) { return writer_.stop(grace); }

  storage::DedupeFigures figures() const { return index_.figures(); }

 private:
  void land(const Uuid& key, const storage::JournalResult<Taken>& taken);
  std::optional<Uuid> known(std::string_view lane, const Uuid& key) const;
  storage::JournalResult<void> read_note(const storage::JournalNotes& notes) REQUIRES(note_mutex_);
  storage::JournalResult<void> scan(const storage::JournalAdmin& journal);
  bool knows_at_least(const Uuid& key, const Uuid& id) const;

  const Limits limits_;
  const TimeSource& time_;
  storage::DedupeIndex& index_;
  DedupeWriter writer_;
  Mutex mutex_;
  // Who waits for what is being taken, the one that takes it first: one for each request at work.
  std::map<Uuid, std::vector<Done>> flights_ GUARDED_BY(mutex_);
  mutable SharedMutex lost_mutex_;
  LostDeliveries lost_ GUARDED_BY(lost_mutex_);
  std::uint64_t lost_changes_ GUARDED_BY(lost_mutex_) = 0;
  // Held from the rendering of the note to the end of its writing: one after the other. Taken before lost_mutex_.
  Mutex note_mutex_;
  std::uint64_t note_written_ GUARDED_BY(note_mutex_) = 0;  // lost_changes_ of the note in the journal
  bool note_read_ GUARDED_BY(note_mutex_) = false;          // it is not replaced before
  std::atomic<bool> dropped_{
      false};  // keys that did not get into the index: the segments have to be read again

  std::atomic<bool> interrupted_{false};

  // Of catch_up() alone.
  bool scanned_ = false;                   // the segments that the index was not complete for
  bool unread_ = false;                    // one of them could not be read at the moment
  Clock::time_point read_again_{};         // then
  std::uint64_t unreadable_segments_ = 0;  // of the journal, when that was found
};

}  // namespace hookspool::agent
