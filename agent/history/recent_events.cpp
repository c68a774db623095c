#include "agent/history/recent_events.h"

#include <algorithm>

namespace hookspool::agent {

// A cut is made between characters, so that what is shown stays UTF-8.
void RecentEvents::Text::set(std::string_view text) {
  size = std::min(text.size(), kTextBytesMax);
  while (size > 0 && size < text.size() && (static_cast<unsigned char>(text[size]) & 0xc0u) == 0x80u) --size;
  std::copy_n(text.begin(), size, bytes.begin());
}

void RecentEvents::committed(std::span<const EventPtr> events) noexcept {
  const auto newest = events.last(std::min(events.size(), kEventsMax));
  const MutexLock lock(mutex_);
  for (const EventPtr& event : newest) {
    Entry& entry = entries_[count_++ % kEventsMax];
    entry.id = event->id;
    entry.epoch = event->epoch;
    entry.seq = event->seq;
    entry.received_at_us = event->event.received_at_us;
    entry.body_bytes = event->event.body.size();
    entry.lane.set(event->event.lane);
    entry.delivery_id.set(event->event.delivery_id);
  }
}

std::vector<RecentEvent> RecentEvents::newest_first() const {
  std::array<Entry, kEventsMax> entries;
  std::uint64_t count = 0;
  {
    const MutexLock lock(mutex_);
    entries = entries_;
    count = count_;
  }
  std::vector<RecentEvent> events;
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(count, kEventsMax); ++i) {
    const Entry& entry = entries[(count - 1 - i) % kEventsMax];
    events.push_back({entry.id, entry.epoch, entry.seq, entry.received_at_us, entry.body_bytes,
                      entry.lane.str(), entry.delivery_id.str()});
  }
  return events;
}

}  // namespace hookspool::agent
