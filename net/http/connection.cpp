#include "net/http/connection.h"

#include <sys/socket.h>
#include <sys/types.h>

#include <cerrno>

namespace hookspool::net {

bool send_some(int fd, std::string_view bytes, std::size_t& sent) {
  while (sent < bytes.size()) {
    const ssize_t n = ::send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      sent += static_cast<std::size_t>(n);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return true;
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

ClientConnection::Received ClientConnection::receive(std::span<char> scratch, std::string_view& bytes) {
  ssize_t n = 0;
  do {
    n = ::recv(fd.get(), scratch.data(), scratch.size(), MSG_DONTWAIT);
  } while (n < 0 && errno == EINTR);
  if (n < 0) {
    readable = false;
    return errno == EAGAIN || errno == EWOULDBLOCK ? Received::kNothing : Received::kBroken;
  }
  if (n == 0) {
    readable = false;
    ended = true;
    return Received::kEnd;
  }
  bytes = std::string_view(scratch.data(), static_cast<std::size_t>(n));
  // A short read has emptied the socket; the next byte makes a new edge. An end that epoll has reported does
  // not.
  if (bytes.size() < scratch.size() && !hung_up) readable = false;
  return Received::kBytes;
}

}  // namespace hookspool::net
