#include "net/http/connection.h"

#include <sys/socket.h>
#include <sys/types.h>

#include <array>
#include <cerrno>
#include <utility>

#include "net/http/tls.h"

namespace hookspool::net {

ClientConnection::ClientConnection(std::uint64_t id_, Fd fd_, std::optional<IpAddress> peer_,
                                   const HeadLimits& limits, BodyBudget& budget)
    : id(id_),
      fd(std::move(fd_)),
      peer(peer_),
      reader(limits, budget),
      tls_share(&budget),
      unsent_share(&budget) {}

std::size_t ClientConnection::held_bytes() const {
  return reader.held_bytes() + tls_share.bytes() + unsent_share.bytes();
}

ClientConnection::~ClientConnection() = default;

bool send_some(int fd, TlsSession* tls, std::string_view bytes, std::size_t& sent) {
  if (tls != nullptr) return tls->send(bytes, sent);
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

RefusedMethod peeked_method(int fd) {
  std::array<char, 16> first{};  // the word and line ends before it
  const ssize_t n = ::recv(fd, first.data(), first.size(), MSG_PEEK | MSG_DONTWAIT);
  return refused_method({first.data(), n > 0 ? static_cast<std::size_t>(n) : 0});
}

bool ClientConnection::send(std::string_view bytes, std::size_t& sent) {
  return send_some(fd.get(), tls.get(), bytes, sent);
}

void ClientConnection::end_sending() {
  if (tls != nullptr) {
    tls->say_goodbye();
    tls.reset();
    tls_share.release();
    readable = true;
  }
  ::shutdown(fd.get(), SHUT_WR);
}

namespace {

ClientConnection::Received receive_over_tls(ClientConnection& connection, std::span<char> scratch,
                                            std::string_view& bytes) {
  using Received = ClientConnection::Received;
  switch (connection.tls->receive(scratch, bytes)) {
    case TlsSession::Received::kBytes:
      return Received::kBytes;
    case TlsSession::Received::kNothing:
      connection.readable = false;
      return Received::kNothing;
    case TlsSession::Received::kLater:
      return Received::kLater;
    case TlsSession::Received::kWantsWrite:
      connection.readable = false;
      return Received::kWantsWrite;
    case TlsSession::Received::kHello:
      connection.readable = false;
      return Received::kHello;
    case TlsSession::Received::kEnd:
      connection.readable = false;
      connection.ended = true;
      return Received::kEnd;
    case TlsSession::Received::kBroken:
      return Received::kBroken;
    case TlsSession::Received::kPlain:
      return Received::kPlain;
  }
  return Received::kBroken;
}

}  // namespace

ClientConnection::Received ClientConnection::receive(std::span<char> scratch, std::string_view& bytes) {
  if (tls != nullptr) return receive_over_tls(*this, scratch, bytes);
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
