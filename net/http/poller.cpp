#include "net/http/poller.h"

namespace hookspool::net {
namespace {

bool control(int epoll, int operation, int fd, std::uint64_t id, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  return ::epoll_ctl(epoll, operation, fd, &event) == 0;
}

}  // namespace

bool Poller::add(int fd, std::uint64_t id, std::uint32_t events) const {
  return control(epoll_.get(), EPOLL_CTL_ADD, fd, id, events);
}

bool Poller::change(int fd, std::uint64_t id, std::uint32_t events) const {
  return control(epoll_.get(), EPOLL_CTL_MOD, fd, id, events);
}

int Poller::wait(std::span<epoll_event> events, int wait_ms) const {
  return ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), wait_ms);
}

}  // namespace hookspool::net
