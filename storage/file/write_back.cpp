#include "storage/file/write_back.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <string>
#include <vector>

#include "storage/base/fd.h"
#include "storage/file/file_io.h"
#include "storage/file/open_file.h"

namespace hookspool::storage {
namespace {

constexpr std::size_t kChunkBytes = 1 << 18;  // read and written at a time

JournalResult<void> failure(const std::filesystem::path& file, int error) {
  auto kind = JournalError::Kind::kIo;
  if (means_disk_full(error)) kind = JournalError::Kind::kFull;
  if (error == ENOENT) kind = JournalError::Kind::kNotFound;
  return fail(
      JournalError{kind, file.filename().string() + " cannot be made durable: " + open_failure(error)});
}

// 0, or errno.
int write_all(int fd, const char* data, std::size_t bytes, off_t at) {
  while (bytes > 0) {
    const ssize_t written = ::pwrite(fd, data, bytes, at);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return written == 0 ? EIO : errno;
    data += written;
    bytes -= static_cast<std::size_t>(written);
    at += written;
  }
  return 0;
}

// 0, or errno. Never beyond the size at the beginning: the file does not grow by it.
int write_again(int fd, off_t size) {
  std::vector<char> buffer(kChunkBytes);
  for (off_t at = 0; at < size;) {
    const auto wanted = static_cast<std::size_t>(std::min<off_t>(size - at, kChunkBytes));
    const ssize_t read = ::pread(fd, buffer.data(), wanted, at);
    if (read < 0 && errno == EINTR) continue;
    if (read <= 0) return read == 0 ? EIO : errno;
    if (const int error = write_all(fd, buffer.data(), static_cast<std::size_t>(read), at)) return error;
    at += read;
  }
  return 0;
}

}  // namespace

JournalResult<void> write_back(const std::filesystem::path& file) {
  const Fd fd(open_regular(file, O_RDWR));
  if (fd.get() < 0) return failure(file, errno);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return failure(file, errno);
  if (const int error = write_again(fd.get(), status.st_size)) return failure(file, error);
  if (::fsync(fd.get()) != 0) return failure(file, errno);
  return {};
}

}  // namespace hookspool::storage
