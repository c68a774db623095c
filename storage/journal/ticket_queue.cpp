#include "storage/journal/ticket_queue.h"

#include <chrono>
#include <utility>

#include "storage/base/mutex.h"

namespace hookspool::storage {
namespace {

constexpr auto kStopPollInterval = std::chrono::milliseconds(1);

// Where a caller waits. It lives on the caller's stack: the answer is given, and its lock released, before the caller
// can return.
class Wait {
 public:
  void give(JournalResult<EventPtr> result) {
    const MutexLock lock(mutex_);
    answer_ = std::move(result);
    answered_.notify_one();
  }
  JournalResult<EventPtr> take() {
    const MutexLock lock(mutex_);
    answered_.wait(mutex_, [this]() REQUIRES(mutex_) { return answer_.has_value(); });
    return std::move(*answer_);
  }

 private:
  Mutex mutex_;
  CondVar answered_;
  std::optional<JournalResult<EventPtr>> answer_ GUARDED_BY(mutex_);
};

}  // namespace

// in_flight_ is raised before closing_ is looked at, and the stopping writer looks at them the other way
// round: no ticket can get into the queue after the writer has left.
std::optional<JournalError> TicketQueue::put(TicketPtr& ticket) {
  in_flight_.fetch_add(1);
  std::optional<JournalError> refusal;
  if (closing_.load()) {
    refusal = JournalError{JournalError::Kind::kClosed, "the journal was closed"};
  } else if (!queue_.enqueue(std::move(ticket))) {
    refusal = JournalError{JournalError::Kind::kNoMemory, "no memory for one more event on its way"};
  }
  if (refusal) in_flight_.fetch_sub(1);
  return refusal;
}

JournalResult<EventPtr> TicketQueue::ask(TicketPtr ticket) {
  Wait wait;
  ticket->answered = [&wait](JournalResult<EventPtr> result) { wait.give(std::move(result)); };
  if (auto refusal = put(ticket)) return fail(std::move(*refusal));
  return wait.take();
}

std::optional<JournalResult<EventPtr>> TicketQueue::stop() {
  if (closing_.exchange(true)) return std::nullopt;
  Wait wait;
  auto ticket = std::make_unique<Ticket>();
  ticket->task = Task::kStop;
  ticket->answered = [&wait](JournalResult<EventPtr> result) { wait.give(std::move(result)); };
  queue_.enqueue(std::move(ticket));
  return wait.take();
}

std::size_t TicketQueue::take(std::span<TicketPtr> tickets, bool stopping) {
  return stopping ? queue_.wait_dequeue_bulk_timed(tickets.begin(), tickets.size(), kStopPollInterval)
                  : queue_.wait_dequeue_bulk(tickets.begin(), tickets.size());
}

void TicketQueue::answer(Ticket& ticket, JournalResult<EventPtr> result) {
  ticket.answered(std::move(result));
  in_flight_.fetch_sub(1);
}

}  // namespace hookspool::storage
