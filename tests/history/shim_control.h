// What the fault shim (fault_shim.cpp, preloaded into the agent) and the checker tell each other: a file that both map.
// It outlives the agent, so that what happened before a SIGKILL can be read after it. Plain atomics, no pointers.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace hookspool::history {

inline constexpr const char* kShimControlVariable = "HOOKSPOOL_FAULT_CONTROL";
inline constexpr std::size_t kRangesMax = 4096;
inline constexpr std::size_t kPathBytesMax = 200;

struct FileRange {
  std::array<char, kPathBytesMax> path;
  std::uint64_t offset;
  std::uint64_t bytes;
};

struct FileRanges {
  std::atomic<std::uint32_t> count;
  std::array<FileRange, kRangesMax> ranges;
};

struct ShimControl {
  // Set by the checker. Only files of segments are meant.
  std::atomic<std::uint32_t> write_errno;    // every write fails with it, as on a full file system; 0: none
  std::atomic<std::uint32_t> syncs_to_fail;  // the next so many of a WAL end with EIO
  std::atomic<std::uint32_t> sync_delay_ms;  // of every sync
  std::atomic<std::int64_t> clock_offset_s;  // of the wall clock
  // Counted by the shim.
  std::atomic<std::uint64_t> writes_failed;
  std::atomic<std::uint64_t> syncs_failed;
  std::atomic<std::uint64_t> syncs_delayed;
  std::atomic<std::uint64_t> clock_reads_moved;
  // Of all lives. Lost: the page cache shows them, and the disk does not have them since a sync failed. Unsynced: written,
  // and no sync of the file has ended since.
  FileRanges lost, unsynced;
};

}  // namespace hookspool::history
