// The fast path: events handed from the journal's writer to their lane in memory, so that a lane that keeps up
// never reads the disk. A convenience, never the truth: what does not fit is read back from the journal.
//
// Thread-safe for one producer (the journal's writer thread) and one consumer at a time (the worker that runs the lane).
#pragma once

#include <concurrentqueue.h>

#include <atomic>
#include <cstddef>
#include <vector>

#include "storage/model/event.h"

namespace hookspool::agent {

// Memory that all live queues of the agent may hold together.
class LiveBudget {
 public:
  explicit LiveBudget(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  bool take(std::size_t bytes);
  void give(std::size_t bytes) { bytes_.fetch_sub(bytes, std::memory_order_relaxed); }

 private:
  const std::size_t bytes_max_;
  std::atomic<std::size_t> bytes_{0};
};

class LiveQueue {
 public:
  explicit LiveQueue(LiveBudget& budget) : budget_(budget) {}
  ~LiveQueue() { close(); }

  // Producer. Closes the queue when the budget is used up: from there on the lane reads the journal.
  void enqueue(const EventPtr& event);

  // Consumer. Whether events are being handed over; opened by a lane that has caught up.
  bool is_open() const { return open_.load(std::memory_order_acquire); }
  void open() { open_.store(true, std::memory_order_release); }
  void close();  // and frees what is in it

  // Consumer. Appends the gap-free run that begins at (epoch, seq), as far as it is here and within the limits;
  // forgets whatever comes before it.
  void take(const Uuid& epoch, std::uint64_t seq, std::size_t events_max, std::size_t bytes_max,
            std::vector<EventPtr>& out);

 private:
  bool refill();

  LiveBudget& budget_;
  std::atomic<bool> open_{false};
  moodycamel::ConcurrentQueue<EventPtr> queue_{64};
  EventPtr front_;  // taken out of queue_ and not yet used: the queue itself has no peek
};

// What an event costs in memory, near enough for the limits.
std::size_t event_bytes(const StoredEvent& stored);

}  // namespace hookspool::agent
