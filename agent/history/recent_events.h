// The newest events that were made durable, without their content: for a look at whether something comes, and what becomes
// of it.
//
// committed() is called by the journal's writer: it allocates nothing, throws nothing, and looks at kEventsMax events of a
// group at most. Memory: kEventsMax entries of fixed size, about 3 kB. Thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/mutex.h"
#include "storage/model/event.h"
#include "storage/model/uuid.h"

namespace hookspool::agent {

struct RecentEvent {
  Uuid id, epoch;
  std::uint64_t seq = 0;
  std::int64_t received_at_us = 0;  // wall clock
  std::uint64_t body_bytes = 0;
  std::string lane, delivery_id;  // no more than RecentEvents::kTextBytesMax of each
};

class RecentEvents {
 public:
  static constexpr std::size_t kEventsMax = 12;
  static constexpr std::size_t kTextBytesMax = 64;

  void committed(std::span<const EventPtr> events) noexcept;
  std::vector<RecentEvent> newest_first() const;

 private:
  struct Text {
    std::array<char, kTextBytesMax> bytes{};
    std::size_t size = 0;
    void set(std::string_view text);
    std::string str() const { return {bytes.data(), size}; }
  };
  struct Entry {
    Uuid id, epoch;
    std::uint64_t seq = 0;
    std::int64_t received_at_us = 0;
    std::uint64_t body_bytes = 0;
    Text lane, delivery_id;
  };

  mutable Mutex mutex_;
  std::array<Entry, kEventsMax> entries_ GUARDED_BY(mutex_);
  std::uint64_t count_ GUARDED_BY(mutex_) = 0;  // so far; the next goes to count_ % kEventsMax
};

}  // namespace hookspool::agent
