#include "tests/history/shim.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <stdexcept>

namespace hookspool::history {

Shim::Shim(const std::filesystem::path& control_file) : file_(control_file) {
  const int fd = ::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ::ftruncate(fd, sizeof(ShimControl)) != 0) {
    throw std::runtime_error("cannot make " + file_.string());
  }
  void* memory = ::mmap(nullptr, sizeof(ShimControl), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  if (memory == MAP_FAILED) throw std::runtime_error("cannot map " + file_.string());
  control_ = static_cast<ShimControl*>(memory);  // zeroes: nothing is asked for
}

Shim::~Shim() {
  ::munmap(control_, sizeof(ShimControl));
}

std::map<std::string, std::string> Shim::env() const {
  // A sanitizer's runtime wants to be first, and may stay so: it calls on to what is preloaded.
  const char* asan = std::getenv("ASAN_OPTIONS");
  return {{"LD_PRELOAD", HOOKSPOOL_FAULT_SHIM},
          {kShimControlVariable, file_.string()},
          {"ASAN_OPTIONS", std::string(asan == nullptr ? "" : asan) + ":verify_asan_link_order=0"}};
}

void Shim::calm() {
  control_->write_errno = 0;
  control_->syncs_to_fail = 0;
  control_->sync_delay_ms = 0;
  control_->clock_offset_s = 0;
}

std::uint64_t Shim::wipe_lost() {
  std::uint64_t wiped = 0;
  for (std::uint32_t i = 0; i < control_->lost.count; ++i) {
    const FileRange& range = control_->lost.ranges[i];
    const int fd = ::open(range.path.data(), O_WRONLY | O_CLOEXEC);
    if (fd < 0) continue;  // the segment has gone since
    const std::string zeroes(range.bytes, '\0');
    const ssize_t done = ::pwrite(fd, zeroes.data(), zeroes.size(), static_cast<off_t>(range.offset));
    ::close(fd);
    if (done != static_cast<ssize_t>(range.bytes)) throw std::runtime_error("cannot wipe what the sync lost");
    wiped += range.bytes;
  }
  control_->lost.count = 0;
  return wiped;
}

}  // namespace hookspool::history
