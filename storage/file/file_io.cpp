#include "storage/file/file_io.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "storage/base/fd.h"

namespace hookspool::storage {

bool means_disk_full(int error_number) {
  return error_number == ENOSPC || error_number == EDQUOT;
}

JournalError io_error(const std::string& attempted, int error_number) {
  return {means_disk_full(error_number) ? JournalError::Kind::kFull : JournalError::Kind::kIo,
          attempted + ": " + std::generic_category().message(error_number)};
}

ReadCount read_as_much(int fd, std::span<std::byte> bytes, std::uint64_t offset) {
  ReadCount read;
  while (read.bytes < bytes.size()) {
    const ssize_t count = ::pread(fd, bytes.data() + read.bytes, bytes.size() - read.bytes,
                                  static_cast<off_t>(offset + read.bytes));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) read.error = errno;
    if (count <= 0) break;
    read.bytes += static_cast<std::size_t>(count);
  }
  return read;
}

int write_whole(int fd, std::span<const std::byte> bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return count == 0 ? EIO : errno;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return 0;
}

JournalResult<void> write_all(int fd, std::string_view bytes, const std::string& file) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return fail(io_error("writing " + file, count == 0 ? EIO : errno));
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

JournalResult<void> write_all_at(int fd, std::span<const std::byte> bytes, std::uint64_t offset,
                                 const std::string& file) {
  if (const int error = write_whole(fd, bytes, offset); error != 0)
    return fail(io_error("writing " + file, error));
  return {};
}

JournalResult<std::size_t> read_at(int fd, std::span<std::byte> bytes, std::uint64_t offset,
                                   const std::string& file) {
  const ReadCount read = read_as_much(fd, bytes, offset);
  if (read.error != 0) return fail(io_error("reading " + file, read.error));
  return read.bytes;
}

JournalResult<void> sync_folder(const std::filesystem::path& folder) {
  const Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.is_open()) return fail(io_error("opening " + folder.string() + " to sync it", errno));
  if (::fsync(fd.get()) != 0) return fail(io_error("syncing " + folder.string(), errno));
  return {};
}

}  // namespace hookspool::storage
