// One event for one delivery, however often its sender repeats it: at the same time, later, and after a crash.
//
// A repeat is answered with the first one's id once that is on disk, and never before. A delivery that failed is not
// remembered: its repeat is taken. Where the index cannot be read or written, events are taken all the same, since most
// senders would not send again what was refused; how often that was is counted.
// Thread-safe. Nothing here waits: repeats of a delivery that is on its way get their answers with it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/lost_deliveries.h"
#include "storage/dedupe_index.h"
#include "storage/journal.h"

namespace hookspool::agent {

// 128 bits of a SHA-256 over source and delivery id.
Uuid dedupe_key(std::string_view source, std::string_view delivery_id);

class Deduplicator {
 public:
  struct Taken {
    Uuid id;
    bool duplicate = false;
  };
  using Done = std::function<void(storage::JournalResult<Taken>)>;
  using Take = std::function<void(storage::Journal::Appended)>;

  explicit Deduplicator(storage::DedupeIndex& index) : index_(index) {}

  // Runs `take` unless an event of this key is there already or being taken. `lane`: the key's source. `done` is called exactly once: before this
  // returns, or by whoever ends the taking; it must neither block nor throw. Those that came while an event was being
  // taken fail with it. What `take` throws comes out of here, after `done`.
  void once(std::string_view lane, const Uuid& key, const Take& take, Done done);

  // Events that were lost are known no longer, so that what their senders repeat is taken: from now on, and by a note in
  // the journal in every later life. recall(): reads that note. In an error: it holds for this life only.
  storage::JournalResult<void> recall(const storage::Journal& journal);
  storage::JournalResult<void> forget(storage::Journal& journal, std::span<const storage::LostIds> lost);

  // By the journal's writer, for every group, before its senders are answered.
  void committed(std::span<const EventPtr> events);
  // Puts in what the index lacks, after a start or a failure; then, now and then, remembers how far it is whole.
  // Not called by two threads at once. Nothing is lost by an error: it is tried again with the next call.
  storage::JournalResult<void> catch_up(const storage::Journal& journal);
  // Before the first event of a life: numbers of segments that are no more are given anew. After the last, when the
  // journal was closed without an error: the next life has nothing to read. Neither beside catch_up().
  storage::JournalResult<void> begin(const storage::Journal& journal);
  storage::JournalResult<void> end(const storage::Journal& journal);

  storage::DedupeFigures figures() const { return index_.figures(); }

 private:
  void land(const Uuid& key, const storage::JournalResult<Taken>& taken);
  std::optional<Uuid> known(std::string_view lane, const Uuid& key) const;

  storage::DedupeIndex& index_;
  std::mutex mutex_;
  // Who waits for what is being taken, the one that takes it first. Guarded by mutex_; one for each request at work.
  std::map<Uuid, std::vector<Done>> flights_;
  mutable std::shared_mutex lost_mutex_;
  LostDeliveries lost_;     // guarded by lost_mutex_
  bool caught_up_ = false;  // of catch_up() alone
};

}  // namespace hookspool::agent
