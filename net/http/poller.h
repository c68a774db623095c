// Which descriptors have news: epoll. Each is known by a number of the caller's that is never used again, so a descriptor
// that the kernel reuses cannot be mistaken for an older one.
//
// Not thread-safe: belongs to the loop. Errors are the system's, in errno.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <span>

#include "net/http/socket.h"

namespace hookspool::net {

class Poller {
 public:
  Poller() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}
  bool is_open() const { return epoll_.is_open(); }

  // `events`: EPOLLIN and its like. A descriptor that is closed is no longer watched.
  bool add(int fd, std::uint64_t id, std::uint32_t events) const;
  bool change(int fd, std::uint64_t id, std::uint32_t events) const;
  // How many of `events` have come. wait_ms -1: without end.
  int wait(std::span<epoll_event> events, int wait_ms) const;

 private:
  Fd epoll_;
};

}  // namespace hookspool::net
