// What the writer's thread is asked to do, and the queue in which the askers wait.
//
// Internal to storage/. ask() may be called from any thread and blocks its caller until the ticket is
// answered, which is what bounds the queue. take() and drained() belong to the writer's thread, stop() to
// the one that ends it.
#pragma once

#include <concurrentqueue/blockingconcurrentqueue.h>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <span>

#include "storage/journal.h"

namespace hookspool::storage {

enum class Task { kAppend, kSaveCursors, kRotate, kBeginEpoch, kStop };

// What a caller waits on. It lives on the caller's stack: the answer is given, and its lock released, before
// the caller can return. So an answered ticket must not be touched again.
struct Ticket {
  Task task = Task::kAppend;
  Event event{};  // of kAppend
  std::size_t bytes = 0;

  void give(JournalResult<EventPtr> result);
  JournalResult<EventPtr> wait();

 private:
  std::mutex mutex_{};
  std::condition_variable answered_{};
  std::optional<JournalResult<EventPtr>> answer_{};  // guarded by mutex_
};

class TicketQueue {
 public:
  // kClosed once stop() was called.
  JournalResult<EventPtr> ask(Ticket& ticket);
  // Asks for kStop and waits for its answer. The first call only; nothing for any later one.
  std::optional<JournalResult<EventPtr>> stop();

  // Waits for tickets and answers how many there are. `stopping`: gives up after a moment, with none.
  std::size_t take(std::span<Ticket*> tickets, bool stopping);
  // After kStop was taken: whether nobody can put a ticket in any more.
  bool drained() const { return in_flight_.load() == 0; }

 private:
  moodycamel::BlockingConcurrentQueue<Ticket*> queue_;
  std::atomic<bool> closing_ = false;
  std::atomic<std::size_t> in_flight_ = 0;  // callers that may still put a ticket into the queue
};

}  // namespace hookspool::storage
