// What the writer's thread is asked to do, and the queue in which it waits.
//
// Internal to storage/. Thread-safe are put() and ask(); take(), answer() and drained() belong to the
// writer's thread, stop() to the one that ends it. How long the queue gets is bounded by the callers: one that blocks in
// ask() has one ticket, and a caller that puts them in without waiting has a limit of its own.
#pragma once

#include <blockingconcurrentqueue.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "storage/model/event.h"
#include "storage/model/journal_error.h"

namespace hookspool::storage {

enum class Task { kAppend, kSaveCursors, kRotate, kBeginEpoch, kStop };

// What Journal::append() calls with the outcome.
using Appended = std::function<void(JournalResult<EventPtr>)>;

struct Ticket {
  Task task = Task::kAppend;
  Event event{};              // of kAppend
  std::string packed_body{};  // of it; empty: it is kept as it came
  std::size_t bytes = 0;      // that it takes of the journal
  Appended answered{};        // called once, by the writer's thread
};

using TicketPtr = std::unique_ptr<Ticket>;

class TicketQueue {
 public:
  // Does not wait. Nothing: the ticket is in the queue and will be answered. kClosed once stop() was called; then
  // `ticket` is as it was.
  std::optional<JournalError> put(TicketPtr& ticket);
  // Puts it in and waits for the answer.
  JournalResult<EventPtr> ask(TicketPtr ticket);
  // Asks for kStop and waits for its answer. The first call only; nothing for any later one.
  std::optional<JournalResult<EventPtr>> stop();

  // Waits for tickets and answers how many there are. `stopping`: gives up after a moment, with none.
  std::size_t take(std::span<TicketPtr> tickets, bool stopping);
  void answer(Ticket& ticket, JournalResult<EventPtr> result);
  // After kStop was taken: whether all others are answered and none can be put in any more.
  bool drained() const { return in_flight_.load() == 0; }

 private:
  moodycamel::BlockingConcurrentQueue<TicketPtr> queue_;
  std::atomic<bool> closing_ = false;
  std::atomic<std::size_t> in_flight_ =
      0;  // in the queue or with the writer, and those that may get there yet
};

}  // namespace hookspool::storage
