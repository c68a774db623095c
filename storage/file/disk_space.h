// How much the disk has left under a folder. Thread-safe: no state.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace hookspool::storage {

struct DiskSpace {
  std::uint64_t free_bytes = 0;             // for this process
  std::optional<std::uint64_t> free_files;  // nothing: the file system makes them as they are needed
};

// Nothing: the system does not say.
std::optional<DiskSpace> disk_space(const std::filesystem::path& folder);

}  // namespace hookspool::storage
