#include "storage/file/reserve.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/base/fd.h"
#include "storage/file/open_file.h"

namespace hookspool::storage {

Reserve::Reserve(const std::filesystem::path& folder, std::uint64_t bytes)
    : file_(folder / "reserve"), bytes_(bytes) {
  struct stat status {};
  if (::lstat(file_.c_str(), &status) != 0) return;
  // A sparse file, as a copy of the folder may hold, reserves nothing.
  held_ = bytes_ > 0 && S_ISREG(status.st_mode) &&
          static_cast<std::uint64_t>(status.st_blocks) * 512 >= bytes_ &&
          static_cast<std::uint64_t>(status.st_size) == bytes_;
  if (!held_) ::unlink(file_.c_str());
}

bool Reserve::give_up() {
  const MutexLock lock(mutex_);
  if (!held_) return false;
  held_ = false;
  return ::unlink(file_.c_str()) == 0;
}

void Reserve::make() {
  const MutexLock lock(mutex_);
  if (held_ || bytes_ == 0) return;
  const Fd fd(open_regular(file_, O_WRONLY | O_CREAT | O_TRUNC, 0600));
  if (!fd.is_open()) return;
  held_ = ::posix_fallocate(fd.get(), 0, static_cast<off_t>(bytes_)) == 0;
  if (!held_) ::unlink(file_.c_str());
}

}  // namespace hookspool::storage
