// A journal full of events that wait, made through storage/ in large groups: ten million of them in a minute or two
// instead of an hour of requests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>

namespace hookspool::testing {

inline constexpr int kBacklogLanes = 8;  // "backlog-0" and so on, one event after the other in turn
inline constexpr std::size_t kBacklogBodyBytes = 200;

// Makes the folder, which must not hold a journal, as a life of the agent would have left it after a clean end.
// Throws std::runtime_error when the disk refuses.
void make_backlog(const std::filesystem::path& folder, std::uint64_t events,
                  std::size_t body_bytes = kBacklogBodyBytes);

// The index of deliveries beside it, as that life would have left it: it knows that none of these has a delivery id. Without
// it the next agent reads the whole backlog to find that out, while it serves. Throws like make_backlog().
void index_backlog(const std::filesystem::path& folder);

}  // namespace hookspool::testing
