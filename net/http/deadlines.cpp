#include "net/http/deadlines.h"

namespace hookspool::net {

void Deadlines::set(std::uint64_t id, Timer& timer, Clock::time_point due) {
  timer.due = due;
  if (due >= timer.queued) return;
  remove(id, timer);
  entries_.emplace(due, id);
  timer.queued = due;
}

void Deadlines::remove(std::uint64_t id, Timer& timer) {
  if (timer.queued == Clock::time_point::max()) return;
  entries_.erase({timer.queued, id});
  timer.queued = Clock::time_point::max();
}

std::optional<std::uint64_t> Deadlines::pop(Clock::time_point now) {
  if (entries_.empty() || entries_.begin()->first > now) return std::nullopt;
  const std::uint64_t id = entries_.begin()->second;
  entries_.erase(entries_.begin());
  return id;
}

bool Deadlines::settle(std::uint64_t id, Timer& timer, Clock::time_point now) {
  timer.queued = Clock::time_point::max();
  if (timer.due <= now) return true;
  if (timer.due != Clock::time_point::max()) set(id, timer, timer.due);
  return false;
}

Clock::time_point Deadlines::next() const {
  return entries_.empty() ? Clock::time_point::max() : entries_.begin()->first;
}

}  // namespace hookspool::net
