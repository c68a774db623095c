#include "net/pg/link/answer_limit.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>

namespace hookspool::net {

std::uint64_t received_bytes(int socket) {
  tcp_info info{};
  socklen_t size = sizeof(info);
  if (socket < 0 || ::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return 0;
  return size >= offsetof(tcp_info, tcpi_bytes_received) + sizeof(info.tcpi_bytes_received)
             ? info.tcpi_bytes_received
             : 0;
}

void AnswerLimit::begin(int socket, std::uint64_t bytes_max) {
  begun_at_ = received_bytes(socket);
  bytes_max_ = bytes_max;
}

bool AnswerLimit::exceeded(int socket) const {
  const std::uint64_t now = received_bytes(socket);
  return now > begun_at_ && now - begun_at_ > bytes_max_;
}

}  // namespace hookspool::net
