#include "net/http/web_address.h"

#include <algorithm>
#include <charconv>

namespace hookspool::net {
namespace {

constexpr std::uint16_t kHttpPort = 80, kHttpsPort = 443;

bool is_host(std::string_view host) {
  return !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  });
}

bool is_numeric_v6(std::string_view host) {
  return host.find(':') != std::string_view::npos && std::all_of(host.begin(), host.end(), [](char c) {
           return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || (c >= '0' && c <= '9') || c == ':' ||
                  c == '.';
         });
}

// The host of "host:port", "[::1]:port" and the like; what is left is empty or ":port".
std::string_view take_host(std::string_view& authority) {
  const bool bracketed = authority.starts_with('[');
  if (bracketed && authority.find(']') == std::string_view::npos) return {};
  const std::size_t end = std::min(authority.find(bracketed ? ']' : ':'), authority.size());
  const std::string_view host = authority.substr(bracketed ? 1 : 0, end - (bracketed ? 1 : 0));
  authority.remove_prefix(std::min(authority.size(), end + (bracketed ? 1 : 0)));
  return (bracketed ? is_numeric_v6(host) : is_host(host)) ? host : std::string_view();
}

}  // namespace

std::string WebAddress::authority() const {
  const std::string shown_host = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return port == (tls ? kHttpsPort : kHttpPort) ? shown_host : shown_host + ":" + std::to_string(port);
}

std::string WebAddress::shown() const {
  return (tls ? "https://" : "http://") + authority();
}

Result<WebAddress, std::string> parse_web_address(std::string_view url) {
  constexpr std::string_view kHttp = "http://", kHttps = "https://";
  if (url.size() > kWebAddressBytesMax)
    return fail("is longer than " + std::to_string(kWebAddressBytesMax) + " bytes");
  WebAddress address;
  address.tls = url.starts_with(kHttps);
  const bool printable = std::all_of(url.begin(), url.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (!printable || (!address.tls && !url.starts_with(kHttp)))
    return fail(std::string("needs to be a URL, as in \"https://alerts.example.com/hookspool\""));
  url.remove_prefix(address.tls ? kHttps.size() : kHttp.size());
  if (url.find('#') != std::string_view::npos) return fail(std::string("is without #: it is never sent"));
  const std::size_t path = std::min(url.find_first_of("/?"), url.size());
  std::string_view authority = url.substr(0, path);
  if (authority.find('@') != std::string_view::npos)
    return fail(std::string("holds a user or a password, which is not sent; leave them out"));
  address.target = url.substr(path);
  if (!address.target.starts_with('/')) address.target.insert(0, "/");
  address.host = take_host(authority);
  if (address.host.empty())
    return fail(std::string("has no host, as in \"https://alerts.example.com/hookspool\""));
  address.port = address.tls ? kHttpsPort : kHttpPort;
  if (authority.empty()) return address;
  authority.remove_prefix(1);
  const char* const end = authority.data() + authority.size();
  const auto [read_to, error] = std::from_chars(authority.data(), end, address.port);
  if (error != std::errc() || read_to != end || address.port == 0)
    return fail(std::string("has no port from 1 to 65535 behind its ':'"));
  return address;
}

}  // namespace hookspool::net
