// A client that sends exactly the bytes it is given, for what no proper HTTP client would send.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hookspool::testing::http {

struct RawAnswer {
  int status = 0;
  std::string head;  // with the status line, without the empty line
  std::string body;
  bool has(std::string_view header_line) const { return head.find(header_line) != std::string::npos; }
};

class RawClient {
 public:
  static constexpr std::chrono::milliseconds kPatience{20000};

  explicit RawClient(std::uint16_t port);
  explicit RawClient(const std::string& unix_path);
  // A receive buffer this small makes the server see a slow reader soon.
  RawClient(std::uint16_t port, int receive_buffer_bytes);
  ~RawClient();
  RawClient(RawClient&& other) noexcept;
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool send(std::string_view bytes) const;  // false: the server has closed
  void end_sending() const;                 // SHUT_WR
  void reset();                             // closes with a RST
  void close();
  // One answer; nothing when the connection ended or the patience did before it was there.
  // `head_request`: no body follows whatever Content-Length says.
  std::optional<RawAnswer> read_answer(bool head_request = false);
  // True when the server closes without another byte.
  bool sees_end();
  // All until the server closes.
  std::string read_all();
  int fd() const { return fd_; }

 private:
  bool receive();

  int fd_ = -1;
  std::string buffer_;
  bool ended_ = false;
};

// "POST /p HTTP/1.1" with Host and Content-Length; `extra` are further header lines, each with CR LF.
std::string post(std::string_view body, std::string_view extra = "", std::string_view target = "/p");

}  // namespace hookspool::testing::http

namespace hookspool::testing {
using http::post;
using http::RawAnswer;
using http::RawClient;  // another than the system tests' client of this name
}  // namespace hookspool::testing
