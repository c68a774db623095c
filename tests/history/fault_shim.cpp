// Preloaded into the agent: a disk that fails on command, and a wall clock that jumps. Sits between SQLite and libc, so
// the agent and SQLite are the shipped ones. Harmless while nothing is asked for.
//
// A failed sync is modelled as Linux does it: the pages are marked clean although the disk does not have them, so the
// process goes on seeing them, later syncs do not write them, and a power cut takes them. They are listed in the
// control file until they are overwritten; the checker wipes them from the file after a SIGKILL.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <vector>

#include "tests/history/shim_control.h"

namespace {

using hookspool::history::kLostRangesMax;
using hookspool::history::kPathBytesMax;
using hookspool::history::LostRange;
using hookspool::history::ShimControl;

template <class Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

ShimControl* map_control() {
  const char* path = std::getenv(hookspool::history::kShimControlVariable);
  if (path == nullptr) return nullptr;
  const int fd = ::open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return nullptr;
  void* memory = ::mmap(nullptr, sizeof(ShimControl), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  return memory == MAP_FAILED ? nullptr : static_cast<ShimControl*>(memory);
}

ShimControl* control() {
  static ShimControl* const mapped = map_control();
  return mapped;
}

// The file's name if it is one of a segment, else empty.
std::string segment_path(int fd) {
  char link[32];
  std::snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
  char path[kPathBytesMax];
  const ssize_t size = ::readlink(link, path, sizeof(path) - 1);
  if (size <= 0) return {};
  std::string name(path, static_cast<std::size_t>(size));
  return name.find("/segment-") == std::string::npos ? std::string() : name;
}

struct Range {
  std::string path;
  std::uint64_t begin, end;
};

std::mutex ranges_mutex;
std::vector<Range>& dirty() {
  static std::vector<Range> ranges;
  return ranges;
}
std::vector<Range>& lost() {
  static std::vector<Range> ranges;
  return ranges;
}

void publish_lost() {
  ShimControl& shared = *control();
  const std::size_t count = std::min(lost().size(), kLostRangesMax);
  for (std::size_t i = 0; i < count; ++i) {
    LostRange& range = shared.lost[i];
    std::snprintf(range.path.data(), range.path.size(), "%s", lost()[i].path.c_str());
    range.offset = lost()[i].begin;
    range.bytes = lost()[i].end - lost()[i].begin;
  }
  shared.lost_ranges = static_cast<std::uint32_t>(count);
}

// Overwritten bytes are dirty again, and so not lost.
void written(const std::string& path, std::uint64_t begin, std::uint64_t end) {
  const std::lock_guard lock(ranges_mutex);
  dirty().push_back({path, begin, end});
  if (lost().empty()) return;
  std::vector<Range> left;
  for (const Range& range : lost()) {
    if (range.path != path || range.end <= begin || range.begin >= end) {
      left.push_back(range);
      continue;
    }
    if (range.begin < begin) left.push_back({path, range.begin, begin});
    if (range.end > end) left.push_back({path, end, range.end});
  }
  lost() = std::move(left);
  publish_lost();
}

void synced(const std::string& path, bool well) {
  const std::lock_guard lock(ranges_mutex);
  std::vector<Range> left;
  for (Range& range : dirty()) {
    if (range.path != path) {
      left.push_back(std::move(range));
    } else if (!well) {
      lost().push_back(std::move(range));
    }
  }
  dirty() = std::move(left);
  if (!well) publish_lost();
}

bool take_one(std::atomic<std::uint32_t>& counter) {
  std::uint32_t left = counter;
  while (left > 0 && !counter.compare_exchange_weak(left, left - 1)) {
  }
  return left > 0;
}

using PWrite = ssize_t (*)(int, const void*, size_t, off64_t);
ssize_t write_at(PWrite real, int fd, const void* bytes, size_t size, off64_t offset) {
  const std::string path = control() == nullptr ? std::string() : segment_path(fd);
  if (path.empty()) return real(fd, bytes, size, offset);
  if (const std::uint32_t error = control()->write_errno; error != 0) {
    control()->writes_failed += 1;
    errno = static_cast<int>(error);
    return -1;
  }
  const ssize_t done = real(fd, bytes, size, offset);
  if (done > 0) written(path, static_cast<std::uint64_t>(offset), static_cast<std::uint64_t>(offset + done));
  return done;
}

using Sync = int (*)(int);
int sync_file(Sync real, int fd) {
  const std::string path = control() == nullptr ? std::string() : segment_path(fd);
  if (path.empty()) return real(fd);
  if (const std::uint32_t delay_ms = control()->sync_delay_ms; delay_ms != 0) {
    control()->syncs_delayed += 1;
    ::usleep(delay_ms * 1'000);
  }
  if (path.ends_with("-wal") && take_one(control()->syncs_to_fail)) {
    control()->syncs_failed += 1;
    synced(path, false);
    errno = EIO;
    return -1;
  }
  const int result = real(fd);
  if (result == 0) synced(path, true);
  return result;
}

}  // namespace

extern "C" {

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  static const auto real = next<PWrite>("pwrite64");
  return write_at(real, fd, bytes, size, offset);
}

ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t offset) {
  static const auto real = next<PWrite>("pwrite64");
  return write_at(real, fd, bytes, size, offset);
}

int fsync(int fd) {
  static const auto real = next<Sync>("fsync");
  return sync_file(real, fd);
}

int fdatasync(int fd) {
  static const auto real = next<Sync>("fdatasync");
  return sync_file(real, fd);
}

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  static const auto real = next<int (*)(clockid_t, timespec*)>("clock_gettime");
  const int result = real(clock, time);
  if (result == 0 && clock == CLOCK_REALTIME && control() != nullptr) {
    if (const std::int64_t offset = control()->clock_offset_s; offset != 0) {
      control()->clock_reads_moved += 1;
      time->tv_sec += offset;
    }
  }
  return result;
}
}
