// IP addresses and networks: who a client is, for limits and for trust. An IPv4 address and the same address
// mapped into IPv6 are one. Plain values; thread-safe as long as no thread writes them.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/model/result.h"

namespace hookspool::net {

class IpAddress {
 public:
  // Numeric, as inet_pton(3) takes it: no name, no zone, no port, no space.
  static std::optional<IpAddress> parse(std::string_view text);
  static std::optional<IpAddress> of(const sockaddr_storage& peer);  // nothing of a Unix socket

  std::string text() const;
  bool is_v4() const;
  // What one client can hold by itself: an IPv4 address, or the /64 network that an IPv6 client gets.
  IpAddress holder() const;
  const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  bool operator==(const IpAddress&) const = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};  // network order; IPv4 as ::ffff:a.b.c.d
};

struct IpAddressHash {
  std::size_t operator()(const IpAddress& address) const;
};

// A set of networks, small: it is searched from one end to the other.
class Networks {
 public:
  static Networks loopback();
  // Adds "10.0.0.0/8", "fd00::/8" or a single address; else says what is wrong with it.
  Result<void, std::string> add(std::string_view text);
  bool contain(const IpAddress& address) const;
  bool operator==(const Networks&) const = default;  // in this order

 private:
  struct Network {
    IpAddress address;
    unsigned bits;  // of 128
    bool operator==(const Network&) const = default;
  };
  std::vector<Network> networks_;
};

}  // namespace hookspool::net
