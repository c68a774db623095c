// What goes, or went, into one delivery transaction. Plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "agent/delivery/live_queue.h"
#include "storage/model/event.h"
#include "storage/model/journal_error.h"

namespace hookspool::agent {

struct DeliveryBatch {
  std::vector<EventPtr> events;  // the last slice, or none; the event itself where the batch is one event
  std::uint64_t first_seq = 0;
  std::size_t count = 0;
  std::size_t live = 0;  // of them, handed over in memory: no disk was read
  bool ahead = false;    // begun before they were durable
  std::size_t bytes = 0;
  std::vector<std::int64_t> received_at_us;
  std::vector<Uuid> put_back;                   // dead letters that were among them
  std::optional<storage::JournalError> unread;  // why it ended where it did

  void count_last_slice() {
    count += events.size();
    for (const auto& event : events) {
      bytes += event_bytes(*event);
      received_at_us.push_back(event->event.received_at_us);
      if (!event->event.requeued_id.is_nil()) put_back.push_back(event->id);
    }
  }
};

}  // namespace hookspool::agent
