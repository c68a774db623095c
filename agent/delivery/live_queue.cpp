#include "agent/delivery/live_queue.h"

namespace hookspool::agent {

std::size_t event_bytes(const StoredEvent& stored) {
  const Event& event = stored.event;
  return sizeof(StoredEvent) + event.body.size() + event.headers.size() + event.path.size() +
         event.query.size();
}

bool LiveBudget::take(std::size_t bytes) {
  if (bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= bytes_max_) return true;
  give(bytes);
  return false;
}

void LiveQueue::enqueue(const EventPtr& event) {
  if (!open_.load(std::memory_order_acquire)) return;
  if (!budget_.take(event_bytes(*event))) {
    open_.store(false, std::memory_order_release);
    return;
  }
  if (!queue_.enqueue(event)) {
    budget_.give(event_bytes(*event));
    open_.store(false, std::memory_order_release);
  }
}

bool LiveQueue::refill() {
  if (front_) return true;
  return queue_.try_dequeue(front_);
}

void LiveQueue::close() {
  open_.store(false, std::memory_order_release);
  while (refill()) {
    budget_.give(event_bytes(*front_));
    front_.reset();
  }
}

void LiveQueue::take(const Uuid& epoch, std::uint64_t seq, std::size_t events_max, std::size_t bytes_max,
                     std::vector<EventPtr>& out) {
  std::size_t bytes = 0;
  while (out.size() < events_max && refill()) {
    const bool stale = front_->epoch != epoch || front_->seq < seq;
    if (!stale && front_->seq != seq) return;  // a gap: those before it are in the journal
    const std::size_t size = event_bytes(*front_);
    if (!stale && !out.empty() && bytes + size > bytes_max) return;
    budget_.give(size);
    if (stale) {
      front_.reset();
      continue;
    }
    bytes += size;
    ++seq;
    out.push_back(std::move(front_));
    front_.reset();
  }
}

}  // namespace hookspool::agent
