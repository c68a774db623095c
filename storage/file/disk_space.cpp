#include "storage/file/disk_space.h"

#include <sys/statvfs.h>

namespace hookspool::storage {

std::optional<DiskSpace> disk_space(const std::filesystem::path& folder) {
  struct statvfs status {};
  if (::statvfs(folder.c_str(), &status) != 0) return std::nullopt;
  DiskSpace space{static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize, std::nullopt};
  if (status.f_files != 0) space.free_files = status.f_favail;
  return space;
}

}  // namespace hookspool::storage
