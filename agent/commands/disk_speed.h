// How long a disk takes to make a small write durable: what every webhook waits for. Thread-safe (holds no state).
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "storage/model/result.h"

namespace hookspool::agent {

struct SyncTimes {
  std::size_t writes = 0;
  std::chrono::microseconds median{0}, longest{0};
};
struct DiskSpeed {
  SyncTimes fdatasync;  // write(2), then fdatasync(2): as SQLite does it
  SyncTimes o_dsync;    // write(2) to a file opened with O_DSYNC
};

// Writes up to kDiskWrites blocks of kDiskBlockBytes in each way, for kDiskTimeMax in all, to a file in `folder` that has no name
// (O_TMPFILE), or loses it at once: nothing is left behind, whatever happens.
inline constexpr std::size_t kDiskWrites = 20;
inline constexpr std::size_t kDiskBlockBytes = 4'096;
inline constexpr std::chrono::milliseconds kDiskTimeMax{2'000};

Result<DiskSpeed, std::string> disk_speed(const std::filesystem::path& folder);

}  // namespace hookspool::agent
