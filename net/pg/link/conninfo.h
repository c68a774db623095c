// What libpq connects with: the user's conninfo, and our defaults where it says nothing.
// Thread-safe. Source: PostgreSQL 15 documentation, 34.1.2 (parameter key words), 34.15 (environment).
#pragma once

#include <netinet/tcp.h>

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/pg/link/connection.h"

namespace hookspool::net {

// Detects a connection that goes silent within kTcpUserTimeoutMs: bytes that are not acknowledged (also a
// connect's), or a probe, which is sent after a silence of keepalives_idle. Each has its socket option's unit.
struct TcpDefault {
  const char* keyword;
  int value;
  int socket_option;  // of IPPROTO_TCP
};
inline constexpr int kTcpUserTimeoutMs = 8'000;
inline constexpr std::array<TcpDefault, 4> kTcpDefaults{
    {{"keepalives_idle", 5, TCP_KEEPIDLE},
     {"keepalives_interval", 2, TCP_KEEPINTVL},
     {"keepalives_count", 3, TCP_KEEPCNT},
     {"tcp_user_timeout", kTcpUserTimeoutMs, TCP_USER_TIMEOUT}}};

class ConnectParameters {
 public:
  // kSetup names the bad keyword; values are never quoted, for they may be parts of a password.
  static PgResult<ConnectParameters> make(const PgOptions& options);

  // How many servers are listed (1 where that is unknown).
  std::size_t hosts() const { return hosts_; }
  // The second server becomes the first: libpq 15 alone never leaves a listed server that takes a connection
  // and does not answer, since its own connect_timeout does not count in a non-blocking connect.
  void rotate_hosts();
  // The first server that is neither this machine nor checked by sslmode; empty: none, or a service file says.
  std::string unverified_server() const;

  // Null-terminated arrays for PQconnectStartParams; they live as long as this object is unchanged.
  std::vector<const char*> keywords() const;
  std::vector<const char*> values() const;

 private:
  using Entry = std::pair<std::string, std::string>;
  const std::string* given(std::string_view keyword) const;
  void count_hosts();

  std::vector<Entry> entries_;
  bool service_ = false;  // a service file may say anything
  std::size_t hosts_ = 1;
};

}  // namespace hookspool::net
