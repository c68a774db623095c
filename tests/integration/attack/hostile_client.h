// One connection of an attacker to 127.0.0.1: sends exactly the bytes it is given, and sees what comes back.
// Not thread-safe. Throws std::system_error when it cannot connect.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace hookspool::testing {

struct Reply {
  int status = 0;
  std::string head;  // status line and header lines
  std::string body;
};

class HostileClient {
 public:
  static constexpr std::chrono::milliseconds kPatience{30'000};

  explicit HostileClient(int port);
  ~HostileClient() { close(); }
  HostileClient(HostileClient&& other) noexcept;
  HostileClient& operator=(HostileClient&&) = delete;

  bool send(std::string_view bytes) const;  // false: the other side has closed
  void end_sending() const;                 // SHUT_WR
  void reset();                             // closes with a RST
  void close();
  // The next whole answer; nothing when the connection or the patience ended before it was there.
  std::optional<Reply> read_reply();
  // True when the other side closes without another byte.
  bool sees_end();

 private:
  bool receive();

  int fd_ = -1;
  std::string input_;
  bool ended_ = false;
};

}  // namespace hookspool::testing
