#include "agent/base/passed_sockets.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string_view>

namespace hookspool::agent {
namespace {

constexpr int kFirstPassed = 3;  // SD_LISTEN_FDS_START
constexpr std::int64_t kPassedMost = 64;

std::optional<std::int64_t> number(const char* variable) {
  const char* const text = std::getenv(variable);
  if (text == nullptr) return std::nullopt;
  const std::string_view view(text);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), value);
  if (error != std::errc() || end != view.data() + view.size()) return std::nullopt;
  return value;
}

}  // namespace

std::vector<PassedSocket> take_passed_sockets() {
  const auto pid = number("LISTEN_PID");
  const auto count = number("LISTEN_FDS");
  const char* const given = std::getenv("LISTEN_FDNAMES");
  std::string names = given == nullptr ? "" : given;
  // No child process must take them for its own.
  for (const char* variable : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(variable);
  std::vector<PassedSocket> sockets;
  if (!pid || *pid != ::getpid() || !count || *count < 1 || *count > kPassedMost) return sockets;
  for (int i = 0; i < *count; ++i) {
    const std::size_t end = std::min(names.find(':'), names.size());
    const int fd = kFirstPassed + i;
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    sockets.push_back({fd, names.substr(0, end)});
    names.erase(0, std::min(end + 1, names.size()));
  }
  return sockets;
}

}  // namespace hookspool::agent
