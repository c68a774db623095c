// What libpq is told to connect with: the user's conninfo, and our defaults where he said nothing.
// Thread-safe. Source: PostgreSQL 15 documentation, 34.1.2 (parameter key words), 34.15 (environment).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/pg/connection.h"

namespace hookspool::net {

class ConnectParameters {
 public:
  // kSetup names the bad keyword; values are never quoted, for they may be parts of a password.
  static PgResult<ConnectParameters> make(const PgOptions& options);

  // How many servers are listed (1 where that cannot be told).
  std::size_t hosts() const { return hosts_; }
  // The second server becomes the first: libpq 15 alone never leaves a listed server that takes a connection
  // and does not answer, since its own connect_timeout does not count in a non-blocking connect.
  void rotate_hosts();

  // Null-terminated arrays for PQconnectStartParams; they live as long as this object is unchanged.
  std::vector<const char*> keywords() const;
  std::vector<const char*> values() const;

 private:
  using Entry = std::pair<std::string, std::string>;
  const std::string* given(std::string_view keyword) const;
  void count_hosts();

  std::vector<Entry> entries_;
  std::size_t hosts_ = 1;
};

}  // namespace hookspool::net
