// Whom a trusted proxy says it speaks for: X-Forwarded-For, or Forwarded (RFC 7239).
//
// A client can write either header itself, and a proxy that appends to one passes the other on untouched. So
// one of the two is chosen by the administrator, it counts only from proxies that are listed, and it is read
// from the right, where the last proxy wrote: the first address that is not a listed proxy is the client.
// Pure function. Thread-safe.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/http/ip_address.h"

namespace hookspool::net {

struct ProxyTrust {
  enum class Header { kXForwardedFor, kForwarded };
  Networks networks;
  bool unix_socket = false;  // every client of the Unix socket is a proxy
  Header header = Header::kXForwardedFor;
  bool operator==(const ProxyTrust&) const = default;
};

using HeaderLines = std::vector<std::pair<std::string, std::string>>;

// The client's address as text. `peer`: nothing for a Unix socket, whose own text is empty. A header that is
// malformed up to where the client would stand counts as none: then it is the peer.
std::string client_address(const std::optional<IpAddress>& peer, const HeaderLines& headers,
                           const ProxyTrust& trust);

}  // namespace hookspool::net
