// The URL of a receiver that the agent itself posts to. Pure; thread-safe.
// Source: RFC 3986, as far as http and https with a host need it; no user and password, no fragment.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/model/result.h"

namespace hookspool::net {

inline constexpr std::size_t kWebAddressBytesMax = 2'048;

struct WebAddress {
  bool tls = false;
  std::string host;  // a name or a numeric address, without brackets
  std::uint16_t port = 0;
  std::string target;  // path and query as given; "/" where there is none

  std::string authority() const;  // "example.com", "[::1]:8443": the Host header
  std::string shown() const;      // "https://example.com": what follows may be a secret
};

// The error says what is wrong with it, and quotes nothing.
Result<WebAddress, std::string> parse_web_address(std::string_view url);

}  // namespace hookspool::net
