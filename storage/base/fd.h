// Owns one file descriptor and closes it. Movable; not thread-safe, as an int is not.
#pragma once

#include <unistd.h>

#include <utility>

namespace hookspool {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() { close(); }
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      close();
      fd_ = other.release();
    }
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;

  bool is_open() const { return fd_ >= 0; }
  int get() const { return fd_; }  // -1: none
  int release() { return std::exchange(fd_, -1); }
  void reset() { close(); }

 private:
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

  int fd_ = -1;
};

}  // namespace hookspool
