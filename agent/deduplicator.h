// One event for one delivery, however often its sender repeats it: at the same time, later, and after a crash.
//
// A repeat is answered with the first one's id once that is on disk, and never before. A delivery that failed is not
// remembered: its repeat is taken. Where the index cannot be read or written, events are taken all the same, since most
// senders would not send again what was refused; how often that was is counted.
// Thread-safe. Blocks for as long as the delivery that it waits for.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

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
  using Take = std::function<storage::JournalResult<EventPtr>()>;

  explicit Deduplicator(storage::DedupeIndex& index) : index_(index) {}

  // Runs `take` unless an event of this key is there already or being taken.
  storage::JournalResult<Taken> once(const Uuid& key, const Take& take);

  // By the journal's writer, for every group, before its senders are answered.
  void committed(std::span<const EventPtr> events);
  // Puts in what the index lacks, after a start or a failure; then, now and then, remembers how far it is whole.
  // Not called by two threads at once. Nothing is lost by an error: it is tried again with the next call.
  storage::JournalResult<void> catch_up(const storage::Journal& journal);

  storage::DedupeFigures figures() const { return index_.figures(); }

 private:
  struct Flight {
    std::condition_variable landed;
    bool ended = false;
    std::optional<Uuid> id;  // nothing: it failed. Written before `ended`, which the mutex guards
  };

  class Landing;

  std::optional<Uuid> known(const Uuid& key) const;

  storage::DedupeIndex& index_;
  std::mutex mutex_;
  std::map<Uuid, std::shared_ptr<Flight>> flights_;  // guarded by mutex_; one for each request at work
  bool caught_up_ = false;                           // of catch_up() alone
};

}  // namespace hookspool::agent
