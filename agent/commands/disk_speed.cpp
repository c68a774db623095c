#include "agent/commands/disk_speed.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <vector>

#include "storage/base/fd.h"

namespace hookspool::agent {
namespace {

using Clock = std::chrono::steady_clock;

std::string reason() {
  return std::generic_category().message(errno);
}

// Some file systems have no O_TMPFILE.
Fd nameless_file(const std::filesystem::path& folder) {
  Fd file(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (file.is_open() || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT)) return file;
  std::string name = (folder / "doctor-XXXXXX").string();
  file = Fd(::mkostemp(name.data(), O_CLOEXEC));
  if (file.is_open()) ::unlink(name.c_str());
  return file;
}

template <class Sync>
Result<SyncTimes, std::string> measure(int fd, Clock::time_point end, Sync sync) {
  std::array<char, kDiskBlockBytes> block{};
  std::vector<std::chrono::microseconds> took;
  for (std::size_t i = 0; i < kDiskWrites && (took.empty() || Clock::now() < end); ++i) {
    block.fill(static_cast<char>('a' + i));
    const auto began = Clock::now();
    const auto at = static_cast<off_t>(i * block.size());
    if (::pwrite(fd, block.data(), block.size(), at) != static_cast<ssize_t>(block.size()) || !sync())
      return fail(reason());
    took.push_back(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - began));
  }
  std::sort(took.begin(), took.end());
  return SyncTimes{took.size(), took[took.size() / 2], took.back()};
}

}  // namespace

Result<DiskSpeed, std::string> disk_speed(const std::filesystem::path& folder) {
  const auto began = Clock::now();
  const Fd file = nameless_file(folder);
  if (!file.is_open()) return fail(reason());
  const auto synced =
      measure(file.get(), began + kDiskTimeMax / 2, [&file] { return ::fdatasync(file.get()) == 0; });
  if (!synced) return fail(synced.error());
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  const Fd durable(::open(path.c_str(), O_RDWR | O_DSYNC | O_CLOEXEC));
  if (!durable.is_open()) return fail(reason());
  const auto direct = measure(durable.get(), began + kDiskTimeMax, [] { return true; });
  if (!direct) return fail(direct.error());
  return DiskSpeed{*synced, *direct};
}

}  // namespace hookspool::agent
