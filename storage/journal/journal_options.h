// How a journal is opened, and its limits. Plain values; not synchronized.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>

#include "storage/model/event.h"
#include "storage/model/uuid.h"

namespace hookspool::storage {

// Room is short, and delivered history goes, from this share of bytes_max on, and below this multiple of
// free_bytes_min.
inline constexpr double kLowSpaceRatio = 0.85;
inline constexpr double kLowFreeSpaceRatio = 1.25;

// How much of the journal one lane may keep, and how early it is refused when room gets short.
struct LaneQuota {
  // Of its undelivered events, and of the delivered ones that are kept only because of them.
  std::uint64_t bytes_max = UINT64_MAX;
  bool sender_retries = false;  // false: a refused event is lost, so this lane is refused last
};

struct JournalOptions {
  std::filesystem::path folder;                 // made (0700) if absent
  std::string agent_id;                         // empty: the one kept in the folder, else made there once
  RandomBytes random_bytes;                     // thread-safe
  std::uint64_t bytes_max = 2ull << 30;         // all segments together; above it append() answers kFull
  std::uint64_t free_bytes_min = 256ull << 20;  // of the file system; below it append() answers kFull
  // The lanes that are known beforehand. `other_quota` is for all others; its bytes_max counts only while the
  // journal knows more than one lane, for no other needs the room.
  std::map<std::string, LaneQuota, std::less<>> lane_quotas;
  LaneQuota other_quota;
  // A file that is given up when letting go of segments itself finds no room on the disk; 0: none. At most a
  // sixteenth of bytes_max. It counts neither as the journal's nor as free.
  std::uint64_t reserve_bytes = 4ull << 20;
  std::uint64_t segment_bytes_max = 64ull << 20;                      // a segment is closed at this size ...
  std::chrono::microseconds segment_age_max = std::chrono::hours(1);  // ... or this age of its first event
  std::size_t lanes_max = 1024;
  std::size_t group_events_max = 1024;  // one commit at most
  std::size_t group_bytes_max = 8u << 20;
  std::string vfs;  // SQLite's name of the VFS for all files of segments; empty: its default
  // Called by the writer's thread before a group is written, with what is in it: for lanes that can use the time that the
  // sync takes. Nothing of it may be relied on, for on_committed may never follow; must not block.
  std::function<void(std::span<const EventPtr>)> on_committing;
  // Called by the writer's thread after a group is durable, before its senders are answered; must not block.
  std::function<void(std::span<const EventPtr>)> on_committed;
};

}  // namespace hookspool::storage
