// A file system of a test's own, small enough to be filled, and what can happen to one: full, without inodes,
// frozen, read-only. ext4 on a loop device; where no loop device can be had, tmpfs, which the output then says.
// Mounted in the test program's private mount namespace (main.cpp), or in the machine's when we are no root, and
// always taken away by the destructor. Not thread-safe. Throws std::runtime_error when the system refuses.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "tests/support/process.h"
#include "tests/support/temp_folder.h"

namespace hookspool::testing {

class Volume {
 public:
  static std::unique_ptr<Volume> ext4(std::uint64_t mebibytes);
  static std::unique_ptr<Volume> tmpfs(const std::string& mount_options);  // "size=8m", "nr_inodes=32"
  ~Volume();                                                               // REQUIRES: it is no longer in use
  Volume(const Volume&) = delete;
  Volume& operator=(const Volume&) = delete;

  bool is_ext4() const { return !image_.empty(); }
  std::filesystem::path path() const { return folder_ / "mount"; }
  std::filesystem::path journal() const { return path() / "journal"; }

  void fill() const;                            // writes a file until the disk says that it is full
  void fill_down_to(std::uint64_t free) const;  // writes a file until no more than so many bytes are free
  void fill_inodes() const;                     // makes empty files until it says so
  void make_room() const;                       // removes what the two made
  std::uint64_t free_bytes() const;

  // ext4 only. Every write and sync waits until the time is over; thaws even if this program is killed meanwhile.
  void freeze_for(std::chrono::seconds time);
  void wait_thawed();
  // ext4 only. What ext4 does when it finds itself damaged: from now on read-only, though files are open for writing.
  void stop_writing() const;
  // ext4 only. Checked and mounted again, as an administrator would. REQUIRES: it is not in use.
  void check_and_mount_again() const;

 private:
  Volume() = default;
  void mount_image() const;

  TempFolder folder_{"hookspool-disk"};
  std::filesystem::path image_;  // of ext4
  std::unique_ptr<Process> freezer_;
};

// Runs a command as root, by sudo if need be; throws with its output unless it succeeds.
std::string as_root(std::vector<std::string> argv);

}  // namespace hookspool::testing
