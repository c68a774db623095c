// Inside net/pg only: how much of a server's answer is taken. libpq makes room for whatever a server announces and keeps
// all of an answer in memory, so that a hostile or broken server decides how much an agent uses. What has come over the
// socket is counted by the kernel; what is handed on, by its rows. What this does not do: libpq reads until the socket is
// empty, so that of one single message a server that sends faster than we read gets in more, at most what it announced
// (1 GiB, which libpq allows). Not thread-safe: it belongs to its connection.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hookspool::net {

// Of one statement: what comes over the socket until libpq has handed over an answer or a notice, and what its rows take in
// memory. The largest that is asked for is a portion of dead letters with their bodies.
inline constexpr std::uint64_t kAnswerBytesMax = 64ull << 20;
// Of one row that query_each() takes: a body of 25 MiB as Base64, its JSON with what jsonb puts between, and the headers.
inline constexpr std::uint64_t kRowBytesMax = 192ull << 20;
// What a server may say before it lets us in: some parameters and a notice.
inline constexpr std::uint64_t kGreetingBytesMax = 1ull << 20;

// Bytes received by a TCP socket since it was connected (tcp_info, Linux); 0 for any other socket, such as a Unix one, whose
// server is a process of this machine.
std::uint64_t received_bytes(int socket);

class AnswerLimit {
 public:
  // From here on `bytes_max` may come.
  void begin(int socket, std::uint64_t bytes_max);
  bool exceeded(int socket) const;

 private:
  std::uint64_t begun_at_ = 0, bytes_max_ = 0;
};

}  // namespace hookspool::net
