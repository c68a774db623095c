#include "storage/ticket_queue.h"

#include <chrono>
#include <utility>

namespace hookspool::storage {
namespace {

constexpr auto kStopPollInterval = std::chrono::milliseconds(1);

}  // namespace

void Ticket::give(JournalResult<EventPtr> result) {
  const std::lock_guard lock(mutex_);
  answer_ = std::move(result);
  answered_.notify_one();
}

JournalResult<EventPtr> Ticket::wait() {
  std::unique_lock lock(mutex_);
  answered_.wait(lock, [this] { return answer_.has_value(); });
  return std::move(*answer_);
}

// in_flight_ is raised before closing_ is looked at, and the stopping writer looks at them the other way
// round: no ticket can get into the queue after the writer has left.
JournalResult<EventPtr> TicketQueue::ask(Ticket& ticket) {
  in_flight_.fetch_add(1);
  JournalResult<EventPtr> answer = fail(JournalError{JournalError::Kind::kClosed, "the journal was closed"});
  if (!closing_.load()) {
    queue_.enqueue(&ticket);
    answer = ticket.wait();
  }
  in_flight_.fetch_sub(1);
  return answer;
}

std::optional<JournalResult<EventPtr>> TicketQueue::stop() {
  if (closing_.exchange(true)) return std::nullopt;
  Ticket ticket;
  ticket.task = Task::kStop;
  queue_.enqueue(&ticket);
  return ticket.wait();
}

std::size_t TicketQueue::take(std::span<Ticket*> tickets, bool stopping) {
  return stopping ? queue_.wait_dequeue_bulk_timed(tickets.data(), tickets.size(), kStopPollInterval)
                  : queue_.wait_dequeue_bulk(tickets.data(), tickets.size());
}

}  // namespace hookspool::storage
