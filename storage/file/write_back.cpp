#include "storage/file/write_back.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
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

// 0, or errno. Never beyond the size at the beginning: the file does not grow by it.
int write_again(int fd, std::uint64_t size) {
  std::vector<std::byte> buffer(kChunkBytes);
  for (std::uint64_t at = 0; at < size; at += buffer.size()) {
    buffer.resize(std::min<std::uint64_t>(size - at, kChunkBytes));
    const ReadCount read = read_as_much(fd, buffer, at);
    if (read.error != 0) return read.error;
    if (read.bytes < buffer.size()) return EIO;  // it has become shorter
    if (const int error = write_whole(fd, buffer, at); error != 0) return error;
  }
  return 0;
}

}  // namespace

JournalResult<void> write_back(const std::filesystem::path& file) {
  const Fd fd(open_regular(file, O_RDWR));
  if (fd.get() < 0) return failure(file, errno);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return failure(file, errno);
  if (const int error = write_again(fd.get(), static_cast<std::uint64_t>(status.st_size)); error != 0)
    return failure(file, error);
  if (::fsync(fd.get()) != 0) return failure(file, errno);
  return {};
}

}  // namespace hookspool::storage
