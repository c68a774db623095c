#include "storage/side/loose_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <span>

#include "storage/base/fd.h"
#include "storage/file/crc32c.h"
#include "storage/file/file_io.h"
#include "storage/file/folder.h"
#include "storage/file/open_file.h"

namespace hookspool::storage {
namespace {

constexpr std::size_t kSumBytes = sizeof(std::uint32_t);  // CRC-32C of the content, behind it

JournalResult<void> write_temporary(const std::string& file, std::string_view content) {
  const Fd fd(open_regular(file, O_WRONLY | O_CREAT | O_TRUNC, 0600));
  if (fd.get() < 0) return fail(io_error("making " + file, errno));
  const std::uint32_t sum = crc32c(0, content.data(), content.size());
  char sum_bytes[kSumBytes];
  std::memcpy(sum_bytes, &sum, kSumBytes);
  if (auto written = write_all(fd.get(), content, file); !written) return written;
  return write_all(fd.get(), {sum_bytes, kSumBytes}, file);
}

}  // namespace

std::optional<std::string> read_loose_file(const std::filesystem::path& file) {
  const Fd fd(open_regular(file, O_RDONLY));
  if (fd.get() < 0) return std::nullopt;
  std::string bytes(kLooseFileBytesMax + kSumBytes + 1, '\0');
  const auto read = read_as_much(fd.get(), std::as_writable_bytes(std::span(bytes)), 0);
  if (read.error != 0 || read.bytes == bytes.size() || read.bytes < kSumBytes) return std::nullopt;
  const std::size_t size = read.bytes - kSumBytes;
  std::uint32_t sum = 0;
  std::memcpy(&sum, bytes.data() + size, kSumBytes);
  if (sum != crc32c(0, bytes.data(), size)) return std::nullopt;
  bytes.resize(size);
  return bytes;
}

JournalResult<void> write_loose_file(const std::filesystem::path& file, std::string_view content) {
  if (content.size() > kLooseFileBytesMax) {
    return fail(JournalError{JournalError::Kind::kTooLarge,
                             "writing " + file.string() + ": " + std::to_string(content.size()) +
                                 " bytes, and the limit is " + std::to_string(kLooseFileBytesMax)});
  }
  const std::string temporary = file.string() + kTemporarySuffix;
  auto written = write_temporary(temporary, content);
  if (written && std::rename(temporary.c_str(), file.c_str()) != 0)
    written = fail(io_error("renaming " + temporary, errno));
  if (!written) (void)::unlink(temporary.c_str());
  return written;
}

}  // namespace hookspool::storage
