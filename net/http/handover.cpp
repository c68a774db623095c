#include "net/http/handover.h"

#include <utility>

namespace hookspool::net {

void Handover::serve_here(const ServeHere& serve, std::size_t in_handler_max,
                          std::chrono::microseconds time_max) {
  if (waiting_.empty()) return;
  for (const auto until = Clock::now() + time_max; !waiting_.empty() && out_ < in_handler_max; ++out_) {
    if (Clock::now() >= until) break;
    Job job = std::move(waiting_.front());
    waiting_.pop_front();
    if (!serve(job)) going_.push_back(std::move(job));
  }
}

void Handover::submit(WorkerPool& workers, std::size_t in_handler_max) {
  for (; !waiting_.empty() && out_ < in_handler_max; ++out_) {
    going_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  if (!going_.empty()) workers.submit(going_);
}

std::vector<Job> Handover::take_late(WorkerPool& workers, Clock::time_point latest) {
  std::vector<Job> late = workers.take_back(latest);
  out_ -= late.size();
  // In the order they came, so those that waited for longest stand in front.
  for (; !waiting_.empty() && waiting_.front().queued_at <= latest; waiting_.pop_front())
    late.push_back(std::move(waiting_.front()));
  return late;
}

}  // namespace hookspool::net
