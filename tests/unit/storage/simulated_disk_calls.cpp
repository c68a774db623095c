// The calls of libc that change files or read them, defined by the test program itself: an executable's symbols go
// before libc's, for the libraries too. What concerns no simulated disk goes to the kernel.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>

#include "tests/unit/storage/simulated_disk.h"

namespace {

using hookspool::testing::SimulatedDisk;

int open_file(const char* path, int flags, mode_t mode) {
  if (SimulatedDisk* disk = SimulatedDisk::active()) {
    if (const auto fd = disk->open(path, flags, mode)) return *fd;
  }
  return static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

ssize_t write_file(int fd, const void* data, std::size_t size, std::optional<off_t> offset) {
  if (SimulatedDisk* disk = SimulatedDisk::active()) {
    if (const auto count = disk->write(fd, data, size, offset)) return *count;
  }
  return offset ? ::syscall(SYS_pwrite64, fd, data, size, *offset) : ::syscall(SYS_write, fd, data, size);
}

ssize_t read_file(int fd, void* data, std::size_t size, std::optional<off_t> offset) {
  if (SimulatedDisk* disk = SimulatedDisk::active()) {
    if (const auto error = disk->read(fd)) return *error;
  }
  return offset ? ::syscall(SYS_pread64, fd, data, size, *offset) : ::syscall(SYS_read, fd, data, size);
}

int sync_file(int fd, long call) {
  if (SimulatedDisk* disk = SimulatedDisk::active()) {
    if (const auto result = disk->sync(fd)) return *result;
  }
  return static_cast<int>(::syscall(call, fd));
}

int truncate_file(int fd, off_t size) {
  if (SimulatedDisk* disk = SimulatedDisk::active()) {
    if (const auto result = disk->truncate(fd, size)) return *result;
  }
  return static_cast<int>(::syscall(SYS_ftruncate, fd, size));
}

int allocate_file(int fd, int mode, off_t offset, off_t size) {
  if (SimulatedDisk* disk = SimulatedDisk::active(); disk != nullptr && mode == 0) {
    if (const auto result = disk->allocate(fd, offset + size)) return *result;
  }
  return static_cast<int>(::syscall(SYS_fallocate, fd, mode, offset, size));
}

mode_t mode_of(int flags, va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_file(path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_file(path, flags, mode);
}
int close(int fd) {
  if (SimulatedDisk* disk = SimulatedDisk::active()) disk->close(fd);
  return static_cast<int>(::syscall(SYS_close, fd));
}
ssize_t read(int fd, void* data, size_t size) {
  return read_file(fd, data, size, std::nullopt);
}
ssize_t pread(int fd, void* data, size_t size, off_t offset) {
  return read_file(fd, data, size, offset);
}
ssize_t pread64(int fd, void* data, size_t size, off64_t offset) {
  return read_file(fd, data, size, offset);
}
ssize_t write(int fd, const void* data, size_t size) {
  return write_file(fd, data, size, std::nullopt);
}
ssize_t pwrite(int fd, const void* data, size_t size, off_t offset) {
  return write_file(fd, data, size, offset);
}
ssize_t pwrite64(int fd, const void* data, size_t size, off64_t offset) {
  return write_file(fd, data, size, offset);
}
int ftruncate(int fd, off_t size) noexcept {
  return truncate_file(fd, size);
}
int ftruncate64(int fd, off64_t size) noexcept {
  return truncate_file(fd, size);
}
int fallocate(int fd, int mode, off_t offset, off_t size) {
  return allocate_file(fd, mode, offset, size);
}
int fallocate64(int fd, int mode, off64_t offset, off64_t size) {
  return allocate_file(fd, mode, offset, size);
}
int posix_fallocate(int fd, off_t offset, off_t size) {
  return allocate_file(fd, 0, offset, size) == 0 ? 0 : errno;
}
int posix_fallocate64(int fd, off64_t offset, off64_t size) {
  return allocate_file(fd, 0, offset, size) == 0 ? 0 : errno;
}
int fsync(int fd) {
  return sync_file(fd, SYS_fsync);
}
int fdatasync(int fd) {
  return sync_file(fd, SYS_fdatasync);
}
int rename(const char* from, const char* to) noexcept {
  if (SimulatedDisk* disk = SimulatedDisk::active()) {
    if (const auto result = disk->rename(from, to)) return *result;
  }
  return static_cast<int>(::syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to));
}
int link(const char* from, const char* to) noexcept {
  if (SimulatedDisk* disk = SimulatedDisk::active()) {
    if (const auto result = disk->link(from, to)) return *result;
  }
  return static_cast<int>(::syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0));
}
int unlink(const char* path) noexcept {
  if (SimulatedDisk* disk = SimulatedDisk::active()) {
    if (const auto result = disk->unlink(path)) return *result;
  }
  return static_cast<int>(::syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}
int mkdir(const char* path, mode_t mode) noexcept {
  if (SimulatedDisk* disk = SimulatedDisk::active()) {
    if (const auto result = disk->make_folder(path, mode)) return *result;
  }
  return static_cast<int>(::syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}

}  // extern "C"
