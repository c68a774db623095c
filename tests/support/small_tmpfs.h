// A tmpfs of a test's own, to be filled to the last block or inode. Seen by the calling thread and the threads and
// processes that it starts from then on: in a mount namespace of its own, which ends with them. Throws
// std::runtime_error when the system refuses. Not thread-safe.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/temp_folder.h"

namespace hookspool::testing {

class SmallTmpfs {
 public:
  explicit SmallTmpfs(const std::string& mount_options) {  // "size=16m", "nr_inodes=32"
    // Without root's rights, those of a user namespace do.
    const int namespaces = ::geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER;
    require(::unshare(namespaces), "unshare");
    require(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "making the mounts private");
    require(::mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, mount_options.c_str()), "mounting a tmpfs");
  }
  ~SmallTmpfs() { ::umount2(folder_.path().c_str(), MNT_DETACH); }
  SmallTmpfs(const SmallTmpfs&) = delete;
  SmallTmpfs& operator=(const SmallTmpfs&) = delete;

  std::filesystem::path path() const { return folder_.path(); }

  // To the last byte.
  void fill() const {
    const int fd = ::open((path() / "filler").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    require(fd, "making the filler");
    for (const std::size_t size : {std::size_t{1} << 20, std::size_t{4096}, std::size_t{1}}) {
      const std::vector<char> bytes(size, 'x');
      while (::write(fd, bytes.data(), size) > 0) {
      }
    }
    ::close(fd);
  }
  void fill_inodes() const {
    for (int n = 0;; ++n) {
      const std::string file = path() / ("inode-" + std::to_string(n));
      const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
      if (fd < 0) return;
      ::close(fd);
    }
  }
  void make_room() const {
    for (const auto& entry : std::filesystem::directory_iterator(path())) {
      const std::string name = entry.path().filename();
      if (name == "filler" || name.starts_with("inode-")) ::unlink(entry.path().c_str());
    }
  }

 private:
  static void require(int result, const std::string& what) {
    if (result < 0) throw std::runtime_error(what + ": " + std::strerror(errno));
  }
  TempFolder folder_{"hookspool-tmpfs"};
};

}  // namespace hookspool::testing
