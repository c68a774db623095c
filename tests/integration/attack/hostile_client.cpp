#include "tests/integration/attack/hostile_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace hookspool::testing {

HostileClient::HostileClient(int port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "socket");
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int error = errno;
    close();
    throw std::system_error(error, std::generic_category(), "connect");
  }
}

HostileClient::HostileClient(HostileClient&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), input_(std::move(other.input_)), ended_(other.ended_) {}

bool HostileClient::send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

void HostileClient::end_sending() const {
  ::shutdown(fd_, SHUT_WR);
}

void HostileClient::reset() {
  const linger at_once{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

void HostileClient::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

bool HostileClient::receive() {
  pollfd waiting{fd_, POLLIN, 0};
  if (ended_ || ::poll(&waiting, 1, static_cast<int>(kPatience.count())) <= 0) return false;
  std::array<char, 16384> bytes;
  const ssize_t n = ::recv(fd_, bytes.data(), bytes.size(), 0);
  ended_ = n <= 0;
  if (n > 0) input_.append(bytes.data(), static_cast<std::size_t>(n));
  return n > 0;
}

std::optional<Reply> HostileClient::read_reply() {
  static constexpr std::string_view kLength = "\r\nContent-Length: ";
  std::size_t end = 0;
  while ((end = input_.find("\r\n\r\n")) == std::string::npos) {
    if (!receive()) return std::nullopt;
  }
  Reply reply;
  reply.head = input_.substr(0, end);
  if (!reply.head.starts_with("HTTP/1.1 ")) return std::nullopt;
  reply.status = std::stoi(reply.head.substr(9));
  const std::size_t at = reply.head.find(kLength);
  const std::size_t length = at == std::string::npos ? 0 : std::stoul(reply.head.substr(at + kLength.size()));
  while (input_.size() < end + 4 + length) {
    if (!receive()) return std::nullopt;
  }
  reply.body = input_.substr(end + 4, length);
  input_.erase(0, end + 4 + length);
  return reply;
}

bool HostileClient::sees_end() {
  if (!input_.empty()) return false;
  return !receive() && ended_;
}

}  // namespace hookspool::testing
