// Preloaded into the agent: a disk that fails on command, and a wall clock that jumps. Sits between SQLite and libc, so
// the agent and SQLite are the shipped ones. Harmless while nothing is asked for.
//
// A failed sync is modelled as Linux does it: the pages are marked clean although the disk does not have them, so the
// process and the next one go on seeing them, later syncs do not write them, and a power cut takes them. They are listed in
// the control file until they are overwritten; the checker wipes them from the file after a SIGKILL.
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

using hookspool::history::FileRange;
using hookspool::history::FileRanges;
using hookspool::history::kPathBytesMax;
using hookspool::history::kRangesMax;
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
using Ranges = std::vector<Range>;

std::mutex ranges_mutex;  // of both

Ranges read_ranges(const FileRanges& from) {
  Ranges ranges;
  for (std::uint32_t i = 0; i < from.count; ++i) {
    const FileRange& range = from.ranges[i];
    ranges.push_back({range.path.data(), range.offset, range.offset + range.bytes});
  }
  return ranges;
}

// What is in the page cache outlives a process that is killed.
Ranges& dirty() {
  static Ranges ranges = read_ranges(control()->unsynced);
  return ranges;
}
Ranges& lost() {
  static Ranges ranges = read_ranges(control()->lost);
  return ranges;
}

void publish(const Ranges& ranges, FileRanges& to) {
  const std::size_t count = std::min(ranges.size(), kRangesMax);
  for (std::size_t i = 0; i < count; ++i) {
    FileRange& range = to.ranges[i];
    std::snprintf(range.path.data(), range.path.size(), "%s", ranges[i].path.c_str());
    range.offset = ranges[i].begin;
    range.bytes = ranges[i].end - ranges[i].begin;
  }
  to.count = static_cast<std::uint32_t>(count);
}

// Takes a stretch of a file out of the ranges, and answers what of it was in them.
Ranges take_out(Ranges& ranges, const Range& stretch) {
  Ranges left, taken;
  for (const Range& range : ranges) {
    if (range.path != stretch.path || range.end <= stretch.begin || range.begin >= stretch.end) {
      left.push_back(range);
      continue;
    }
    if (range.begin < stretch.begin) left.push_back({range.path, range.begin, stretch.begin});
    if (range.end > stretch.end) left.push_back({range.path, stretch.end, range.end});
    taken.push_back({range.path, std::max(range.begin, stretch.begin), std::min(range.end, stretch.end)});
  }
  ranges = std::move(left);
  return taken;
}

void add(Ranges& ranges, const Range& more) {
  if (!ranges.empty() && ranges.back().path == more.path && ranges.back().end == more.begin) {
    ranges.back().end = more.end;
  } else {
    ranges.push_back(more);
  }
}

// Overwritten bytes are dirty again, and so not lost. Where they are the same as before, the disk has them already, but for
// those that it lost.
void written(const Range& stretch, bool same_bytes) {
  const std::lock_guard lock(ranges_mutex);
  const std::size_t were_lost = lost().size();
  const Ranges again = take_out(lost(), stretch);
  if (were_lost > 0) publish(lost(), control()->lost);
  if (same_bytes) {
    for (const Range& range : again) add(dirty(), range);
  } else {
    (void)take_out(dirty(), stretch);
    add(dirty(), stretch);
  }
  publish(dirty(), control()->unsynced);
}

void synced(const std::string& path, bool well) {
  const std::lock_guard lock(ranges_mutex);
  for (Range& range : take_out(dirty(), {path, 0, UINT64_MAX})) {
    if (!well) lost().push_back(std::move(range));
  }
  publish(dirty(), control()->unsynced);
  if (!well) publish(lost(), control()->lost);
}

// Whether the file holds exactly these bytes there.
bool holds(int fd, const void* bytes, std::size_t size, off64_t offset) {
  std::vector<char> there(size);
  return ::pread64(fd, there.data(), size, offset) == static_cast<ssize_t>(size) &&
         std::memcmp(there.data(), bytes, size) == 0;
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
  const bool same_bytes = holds(fd, bytes, size, offset);
  const ssize_t done = real(fd, bytes, size, offset);
  if (done > 0)
    written({path, static_cast<std::uint64_t>(offset), static_cast<std::uint64_t>(offset + done)},
            same_bytes);
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
