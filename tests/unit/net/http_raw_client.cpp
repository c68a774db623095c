#include "tests/unit/net/http_raw_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace hookspool::testing::http {
namespace {

template <class Address>
void connect_to(int fd, const Address& address) {
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw std::system_error(errno, std::generic_category(), "connect");
}

void connect_to_port(int fd, std::uint16_t port) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  connect_to(fd, address);
}

int new_socket(int family) {
  const int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "socket");
  return fd;
}

std::size_t length_of_body(const std::string& head) {
  static constexpr std::string_view kName = "\r\nContent-Length: ";
  const std::size_t at = head.find(kName);
  return at == std::string::npos ? 0 : std::stoul(head.substr(at + kName.size()));
}

}  // namespace

RawClient::RawClient(std::uint16_t port) : fd_(new_socket(AF_INET)) {
  connect_to_port(fd_, port);
}

RawClient::RawClient(std::uint16_t port, int receive_buffer_bytes) : fd_(new_socket(AF_INET)) {
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
  connect_to_port(fd_, port);
}

RawClient::RawClient(const std::string& unix_path) : fd_(new_socket(AF_UNIX)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(unix_path.begin(), unix_path.end(), address.sun_path);
  connect_to(fd_, address);
}

RawClient::RawClient(RawClient&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), buffer_(std::move(other.buffer_)), ended_(other.ended_) {}

RawClient::~RawClient() {
  close();
}

bool RawClient::send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

void RawClient::end_sending() const {
  ::shutdown(fd_, SHUT_WR);
}

void RawClient::reset() {
  const linger at_once{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

void RawClient::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

bool RawClient::receive() {
  pollfd waiting{fd_, POLLIN, 0};
  if (ended_ || ::poll(&waiting, 1, static_cast<int>(kPatience.count())) <= 0) return false;
  std::array<char, 65536> bytes;
  const ssize_t n = ::recv(fd_, bytes.data(), bytes.size(), 0);
  if (n <= 0) {
    ended_ = true;
    return false;
  }
  buffer_.append(bytes.data(), static_cast<std::size_t>(n));
  return true;
}

std::optional<RawAnswer> RawClient::read_answer(bool head_request) {
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!receive()) return std::nullopt;
  }
  RawAnswer answer;
  answer.head = buffer_.substr(0, end);
  if (!answer.head.starts_with("HTTP/1.1 ")) return std::nullopt;
  answer.status = std::stoi(answer.head.substr(9));
  buffer_.erase(0, end + 4);
  const std::size_t length = head_request ? 0 : length_of_body(answer.head);
  while (buffer_.size() < length) {
    if (!receive()) return std::nullopt;
  }
  answer.body = buffer_.substr(0, length);
  buffer_.erase(0, length);
  return answer;
}

bool RawClient::sees_end() {
  if (!buffer_.empty()) return false;
  return !receive() && ended_;
}

std::string RawClient::read_all() {
  while (receive()) {
  }
  return std::exchange(buffer_, std::string());
}

std::string post(std::string_view body, std::string_view extra, std::string_view target) {
  std::string request = "POST ";
  request += target;
  request += " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  request += extra;
  request += "\r\n";
  request += body;
  return request;
}

}  // namespace hookspool::testing::http
