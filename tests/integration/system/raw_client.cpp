#include "tests/integration/system/raw_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>
#include <utility>

namespace hookspool::testing {
namespace {

constexpr std::size_t kReadBytes = 16 * 1024;

// The value of a header in a head whose lines end in CRLF; the agent's own headers, so no folding.
std::optional<std::string_view> header(std::string_view head, std::string_view lower_case_name) {
  for (std::size_t begin = head.find("\r\n"); begin != std::string_view::npos;
       begin = head.find("\r\n", begin)) {
    begin += 2;
    const std::string_view line = head.substr(begin, head.find("\r\n", begin) - begin);
    const auto colon = line.find(':');
    if (colon != lower_case_name.size()) continue;
    const bool same = std::equal(
        lower_case_name.begin(), lower_case_name.end(), line.begin(),
        [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b + 32) : b); });
    if (same) return line.substr(std::min(line.find_first_not_of(' ', colon + 1), line.size()));
  }
  return std::nullopt;
}

int number(std::string_view text) {
  int value = -1;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

std::string Answer::id() const {
  const auto key = body.find("\"id\"");
  const auto open = key == std::string::npos ? key : body.find('"', key + 4);
  const auto close = open == std::string::npos ? open : body.find('"', open + 1);
  return close == std::string::npos ? std::string() : body.substr(open + 1, close - open - 1);
}

RawClient::RawClient(RawClient&& other) noexcept
    : port_(other.port_),
      fd_(std::exchange(other.fd_, -1)),
      sent_any_(other.sent_any_),
      sent_(other.sent_),
      input_(std::move(other.input_)) {}

bool RawClient::connect() {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port_));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return true;
  }
  close();
  return false;
}

void RawClient::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  input_.clear();
}

bool RawClient::has_ended() const {
  char byte = 0;
  return fd_ < 0 || ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}

bool RawClient::write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (written <= 0) return false;
    sent_any_ = true;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

void RawClient::send(std::string_view request) {
  sent_any_ = false;
  sent_ = false;
  if (fd_ < 0 && !connect()) return;
  sent_ = write_all(request);
  if (!sent_) close();
}

Answer RawClient::receive(std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  const Answer silence{.outcome = sent_any_ ? Outcome::kUnknown : Outcome::kFail,
                       .status = 0,
                       .body = {},
                       .retry_after_seconds = -1};
  while (sent_) {
    const auto head_end = input_.find("\r\n\r\n");
    if (head_end != std::string::npos) {
      const std::string_view head(input_.data(), head_end + 2);
      const int length = number(header(head, "content-length").value_or("0"));
      const std::size_t whole = head_end + 4 + static_cast<std::size_t>(std::max(length, 0));
      if (input_.size() >= whole) {
        Answer answer;
        answer.status = number(head.substr(std::min<std::size_t>(9, head.size()), 3));
        answer.outcome = answer.status >= 200 && answer.status < 300 ? Outcome::kOk : Outcome::kFail;
        answer.body = input_.substr(head_end + 4, whole - head_end - 4);
        if (const auto later = header(head, "retry-after")) answer.retry_after_seconds = number(*later);
        const bool last = header(head, "connection").value_or("") == "close";
        input_.erase(0, whole);
        sent_ = false;
        if (last) close();
        return answer;
      }
    }
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
    if (left.count() <= 0 || ::poll(&waiting, 1, static_cast<int>(left.count())) <= 0) break;
    char buffer[kReadBytes];
    const ssize_t count = ::recv(fd_, buffer, sizeof(buffer), 0);
    if (count <= 0) break;
    input_.append(buffer, static_cast<std::size_t>(count));
  }
  sent_ = false;
  close();
  return silence;
}

std::string post_request(std::string_view path, std::string_view headers, std::string_view body) {
  std::string request;
  request.reserve(body.size() + headers.size() + path.size() + 80);
  request.append("POST ").append(path).append(" HTTP/1.1\r\nHost: 127.0.0.1\r\n").append(headers);
  request.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n").append(body);
  return request;
}

std::string get_request(std::string_view path) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
}

}  // namespace hookspool::testing
