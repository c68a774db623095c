#include "net/http/ip_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace hookspool::net {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned kMappedBits = 96;
constexpr unsigned kAllBits = 128;
constexpr std::size_t kHolderBytes = 8;  // of IPv6: /64

bool bit_of(const std::array<std::uint8_t, 16>& bytes, unsigned bit) {
  return ((bytes[bit / 8] >> (7 - bit % 8)) & 1) != 0;
}

bool same_start(const IpAddress& a, const IpAddress& b, unsigned bits) {
  const std::size_t whole = bits / 8;
  if (!std::equal(a.bytes().begin(), a.bytes().begin() + static_cast<std::ptrdiff_t>(whole),
                  b.bytes().begin()))
    return false;
  for (unsigned bit = static_cast<unsigned>(whole * 8); bit < bits; ++bit) {
    if (bit_of(a.bytes(), bit) != bit_of(b.bytes(), bit)) return false;
  }
  return true;
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.empty() || text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos)
    return std::nullopt;
  const std::string terminated(text);
  IpAddress address;
  std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), address.bytes_.begin());
  if (::inet_pton(AF_INET, terminated.c_str(), &address.bytes_[kMappedPrefix.size()]) == 1) return address;
  if (::inet_pton(AF_INET6, terminated.c_str(), address.bytes_.data()) == 1) return address;
  return std::nullopt;
}

std::optional<IpAddress> IpAddress::of(const sockaddr_storage& peer) {
  IpAddress address;
  if (peer.ss_family == AF_INET) {
    std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), address.bytes_.begin());
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(peer);
    std::memcpy(&address.bytes_[kMappedPrefix.size()], &v4.sin_addr, sizeof v4.sin_addr);
    return address;
  }
  if (peer.ss_family != AF_INET6) return std::nullopt;
  std::memcpy(address.bytes_.data(), &reinterpret_cast<const sockaddr_in6&>(peer).sin6_addr,
              address.bytes_.size());
  return address;
}

bool IpAddress::is_v4() const {
  return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes_.begin());
}

std::string IpAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (!is_v4()) {
    ::inet_ntop(AF_INET6, bytes_.data(), text.data(), text.size());
    return text.data();
  }
  // Once for each request, where the library's would go through printf().
  char* end = text.data();
  for (std::size_t i = kMappedPrefix.size(); i < bytes_.size(); ++i) {
    if (end != text.data()) *end++ = '.';
    end = std::to_chars(end, text.data() + text.size(), static_cast<unsigned>(bytes_[i])).ptr;
  }
  return {text.data(), end};
}

IpAddress IpAddress::holder() const {
  IpAddress holder = *this;
  if (!is_v4()) std::fill(holder.bytes_.begin() + kHolderBytes, holder.bytes_.end(), std::uint8_t{0});
  return holder;
}

std::size_t IpAddressHash::operator()(const IpAddress& address) const {
  const auto& bytes = address.bytes();
  return std::hash<std::string_view>()({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

Networks Networks::loopback() {
  Networks networks;
  for (const std::string_view text : {"127.0.0.0/8", "::1"}) (void)networks.add(text);
  return networks;
}

Result<void, std::string> Networks::add(std::string_view text) {
  const std::string quoted = "\"" + std::string(text) + "\"";
  const std::size_t slash = std::min(text.find('/'), text.size());
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address)
    return fail(quoted + " is not an address or network; write \"10.0.0.0/8\" or \"2001:db8::1\"");
  // "::ffff:10.0.0.0/104" is counted as it is written, "10.0.0.0/8" as IPv4.
  const unsigned offset = text.substr(0, slash).find(':') == std::string_view::npos ? kMappedBits : 0;
  unsigned bits = kAllBits;
  if (slash < text.size()) {
    const std::string_view number = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), bits);
    if (error != std::errc() || end != number.data() + number.size() || bits > kAllBits - offset)
      return fail(quoted + ": the part after / is not a number up to " + std::to_string(kAllBits - offset));
    bits += offset;
  }
  for (unsigned bit = bits; bit < kAllBits; ++bit) {
    if (bit_of(address->bytes(), bit))
      return fail(quoted + " has bits set beyond its prefix; write the network's first address");
  }
  networks_.push_back({*address, bits});
  return {};
}

bool Networks::contain(const IpAddress& address) const {
  return std::any_of(networks_.begin(), networks_.end(), [&](const Network& network) {
    return same_start(network.address, address, network.bits);
  });
}

}  // namespace hookspool::net
