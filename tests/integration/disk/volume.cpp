#include "tests/integration/disk/volume.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <vector>

namespace hookspool::testing {
namespace {

constexpr std::size_t kFillChunkBytes = 64u << 10;
constexpr int kInodesMax = 100'000;

std::vector<std::string> with_sudo(std::vector<std::string> argv) {
  if (geteuid() != 0) argv.insert(argv.begin(), {"sudo", "-n"});
  return argv;
}

}  // namespace

std::string as_root(std::vector<std::string> argv) {
  return run_checked({.argv = with_sudo(std::move(argv))});
}

std::unique_ptr<Volume> Volume::ext4(std::uint64_t mebibytes) {
  std::unique_ptr<Volume> volume(new Volume);
  std::filesystem::create_directory(volume->path());
  volume->image_ = volume->folder_ / "image";
  try {
    as_root({"truncate", "-s", std::to_string(mebibytes) + "M", volume->image_});
    as_root({"mkfs.ext4", "-q", "-F", "-m", "0", volume->image_});
    volume->mount_image();
  } catch (const std::runtime_error& error) {
    std::cout << "NO LOOP DEVICE HERE, so tmpfs instead of ext4: " << error.what() << std::endl;
    return tmpfs("size=" + std::to_string(mebibytes) + "m");
  }
  return volume;
}

std::unique_ptr<Volume> Volume::tmpfs(const std::string& mount_options) {
  std::unique_ptr<Volume> volume(new Volume);
  std::filesystem::create_directory(volume->path());
  as_root({"mount", "-t", "tmpfs", "-o", mount_options + ",mode=0777", "hookspool-test", volume->path()});
  return volume;
}

void Volume::mount_image() const {
  as_root({"mount", "-o", "loop,errors=remount-ro", image_, path()});
  as_root({"chmod", "0777", path()});
}

Volume::~Volume() {
  try {
    wait_thawed();
    as_root({"umount", path()});
  } catch (const std::runtime_error& error) {
    std::cout << "still in use, so it goes when its last file is closed: " << error.what() << std::endl;
    (void)run_and_capture({.argv = with_sudo({"umount", "--lazy", path()})});
  }
}

void Volume::fill() const {
  const int fd = open((path() / "filler").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0) throw std::runtime_error("cannot make the filler");
  const std::vector<char> chunk(kFillChunkBytes, 'x');
  // The last blocks one by one: ext4 gives a page where it has no room for a chunk.
  for (const std::size_t size : {kFillChunkBytes, std::size_t{4096}, std::size_t{1}}) {
    while (write(fd, chunk.data(), size) == static_cast<ssize_t>(size)) {
    }
  }
  const bool full = errno == ENOSPC;
  close(fd);
  if (!full) throw std::runtime_error("the disk did not fill up");
}

void Volume::fill_down_to(std::uint64_t free) const {
  const int fd = open((path() / "filler").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0) throw std::runtime_error("cannot make the filler");
  const std::vector<char> chunk(kFillChunkBytes, 'x');
  bool written = true;
  // Synced, for ext4 counts a block when it gives it.
  while (written && free_bytes() > free)
    written =
        write(fd, chunk.data(), chunk.size()) == static_cast<ssize_t>(chunk.size()) && fdatasync(fd) == 0;
  close(fd);
  if (!written) throw std::runtime_error("the disk could not be filled");
}

void Volume::fill_inodes() const {
  const std::filesystem::path folder = path() / "files";
  std::filesystem::create_directory(folder);
  for (int i = 0; i < kInodesMax; ++i) {
    const int fd = open((folder / std::to_string(i)).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0 && errno == ENOSPC) return;
    if (fd < 0) throw std::runtime_error("cannot make a file");
    close(fd);
  }
  throw std::runtime_error("the inodes did not come to an end");
}

void Volume::make_room() const {
  std::filesystem::remove_all(path() / "files");
  std::filesystem::remove(path() / "filler");
}

std::uint64_t Volume::free_bytes() const {
  struct statvfs status {};
  if (statvfs(path().c_str(), &status) != 0) throw std::runtime_error("statvfs failed");
  return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
}

void Volume::freeze_for(std::chrono::seconds time) {
  const std::string frozen = (folder_ / "frozen").string();
  const std::string mount = path().string();
  // Lives on when we die: a process that waits for a frozen disk cannot even be killed.
  freezer_ = std::make_unique<Process>(
      ProcessOptions{.argv = with_sudo({"sh", "-c",
                                        "fsfreeze -f " + mount + " && touch " + frozen + " && sleep " +
                                            std::to_string(time.count()) + "; fsfreeze -u " + mount}),
                     .working_folder = "/",
                     .death_signal = 0});
  while (!std::filesystem::exists(frozen)) {
    if (!freezer_->running()) throw std::runtime_error("fsfreeze did not freeze " + mount);
    usleep(1000);
  }
  std::filesystem::remove(frozen);
}

void Volume::wait_thawed() {
  if (freezer_ && !freezer_->wait(std::chrono::seconds(120))) throw std::runtime_error("it was not thawed");
  freezer_.reset();
}

void Volume::stop_writing() const {
  const std::string device = as_root({"findmnt", "-n", "-o", "SOURCE", path()});
  const auto name = device.rfind('/') + 1;
  const std::string trigger =
      "/sys/fs/ext4/" + device.substr(name, device.find('\n') - name) + "/trigger_fs_error";
  as_root({"sh", "-c", "echo hookspool-test > " + trigger});
}

void Volume::check_and_mount_again() const {
  as_root({"umount", path()});
  (void)run_and_capture({.argv = with_sudo({"e2fsck", "-p", "-f", image_})});  // 1: it repaired something
  mount_image();
}

}  // namespace hookspool::testing
