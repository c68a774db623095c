#include "agent/base/regular_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "storage/base/fd.h"

namespace hookspool::agent {
namespace {

constexpr std::size_t kPieceBytes = 16u << 10;

std::string cannot_be_read(int error) {
  return "cannot be read: " + std::generic_category().message(error);
}

std::string limit_text(std::size_t bytes) {
  return "is larger than " +
         (bytes >= 1u << 20 ? std::to_string(bytes >> 20) + " MiB" : std::to_string(bytes >> 10) + " KiB");
}

}  // namespace

Result<RegularFile, std::string> read_regular_file(const std::string& path, std::size_t bytes_max) {
  // O_NONBLOCK: the opening of a FIFO does not wait, and a terminal's does neither. Reading a regular file is not changed.
  const Fd file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  if (!file.is_open()) return fail(cannot_be_read(errno));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return fail(cannot_be_read(errno));
  if (!S_ISREG(status.st_mode)) {
    return fail(std::string(S_ISDIR(status.st_mode) ? "is a folder" : "is not a regular file") +
                "; give the path of a file that holds the text");
  }
  RegularFile read;
  read.mode = status.st_mode;
  std::array<char, kPieceBytes> piece{};
  // To the end, whatever fstat() said: files of /proc and /sys have no size.
  for (;;) {
    const ssize_t count = ::read(file.get(), piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(cannot_be_read(errno));
    if (count == 0) return read;
    read.content.append(piece.data(), static_cast<std::size_t>(count));
    if (read.content.size() > bytes_max) return fail(limit_text(bytes_max));
  }
}

}  // namespace hookspool::agent
