#include "storage/file/open_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "storage/base/fd.h"

namespace hookspool::storage {

int open_regular(const std::filesystem::path& file, int flags, mode_t mode) {
  // Reading and writing a regular file are not changed by O_NONBLOCK.
  Fd fd(::open(file.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, mode));
  if (!fd.is_open()) return -1;
  struct stat status {};
  int error = ::fstat(fd.get(), &status) == 0 ? 0 : errno;
  if (error == 0 && !S_ISREG(status.st_mode)) error = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
  if (error == 0) return fd.release();
  fd.reset();
  errno = error;
  return -1;
}

bool means_not_regular(int error_number) {
  return error_number == EINVAL || error_number == ENXIO;
}

bool is_not_regular(const std::filesystem::path& file) {
  struct stat status {};
  return ::stat(file.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
}

std::string open_failure(int error_number) {
  if (means_not_regular(error_number)) return "it is not a regular file: move it away";
  return std::generic_category().message(error_number);
}

}  // namespace hookspool::storage
