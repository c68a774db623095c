#include "net/http/web_url.h"

#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>
#include <vector>

#include "net/http/socket.h"

namespace hookspool::net {
namespace {

using Addresses = std::vector<std::string>;  // numeric

Addresses resolve(const std::string& host) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  Addresses addresses;
  if (::getaddrinfo(host.c_str(), nullptr, &wanted, &found) != 0) return addresses;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    char text[NI_MAXHOST] = "";
    if (::getnameinfo(each->ai_addr, each->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0)
      addresses.emplace_back(text);
  }
  ::freeaddrinfo(found);
  return addresses;
}

Addresses of_this_machine() {
  Addresses addresses{"0.0.0.0", "::"};
  ifaddrs* found = nullptr;
  if (::getifaddrs(&found) != 0) return addresses;
  for (const ifaddrs* each = found; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr) continue;
    const int family = each->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    char text[NI_MAXHOST] = "";
    const auto length =
        static_cast<socklen_t>(family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    if (::getnameinfo(each->ifa_addr, length, text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0)
      addresses.emplace_back(text);
  }
  ::freeifaddrs(found);
  return addresses;
}

bool is_loopback(const std::string& address) {
  return address.starts_with("127.") || address == "::1" || address.starts_with("::ffff:127.");
}

}  // namespace

Result<WebUrl, std::string> parse_web_url(const std::string& text) {
  const auto wrong = [&](const char* what) {
    return fail("\"" + text + "\" " + what + "; a URL is http://HOST[:PORT][/PATH], or https://...");
  };
  WebUrl url;
  url.text = text;
  std::string_view rest = text;
  if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else if (rest.starts_with("https://")) {
    url.tls = true;
    rest.remove_prefix(8);
  } else {
    return wrong("begins with neither http:// nor https://");
  }
  const auto bad = [](unsigned char c) { return c <= ' ' || c == 0x7f; };
  if (std::any_of(rest.begin(), rest.end(), bad)) return wrong("has a blank or a control character");
  rest = rest.substr(0, rest.find('#'));
  const auto slash = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view place = rest.substr(0, slash);
  url.target = std::string(rest.substr(slash));
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  if (place.find('@') != std::string_view::npos) return wrong("has a user's name, which is not supported");
  std::string_view port;
  const auto colon = place.rfind(':');
  if (colon != std::string_view::npos && place.find(']', colon) == std::string_view::npos) {
    port = place.substr(colon + 1);
    place = place.substr(0, colon);
    if (port.empty()) return wrong("has no port behind the colon");
  }
  if (place.starts_with('[') && place.ends_with(']')) place = place.substr(1, place.size() - 2);
  url.host = std::string(place);
  if (url.host.empty()) return wrong("names no host");
  url.port = url.tls ? 443 : 80;
  if (port.empty()) return url;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
  if (error != std::errc() || end != port.data() + port.size() || url.port == 0)
    return wrong("has a port that is no number from 1 to 65535");
  return url;
}

bool leads_to(const WebUrl& url, const std::string& listen) {
  const auto listener = parse_address(listen);
  if (!listener || listener->is_unix || listener->port != url.port) return false;
  const auto own = of_this_machine();
  const auto addresses = resolve(url.host);
  return std::any_of(addresses.begin(), addresses.end(), [&](const std::string& address) {
    return is_loopback(address) || std::find(own.begin(), own.end(), address) != own.end();
  });
}

}  // namespace hookspool::net
