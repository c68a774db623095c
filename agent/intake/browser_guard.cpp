#include "agent/intake/browser_guard.h"

#include <string_view>

#include "net/http/ip_address.h"
#include "storage/base/text.h"

namespace hookspool::agent {
namespace {

bool is_loopback(std::string_view address) {
  static const net::Networks kLoopback = net::Networks::loopback();
  const auto parsed = net::IpAddress::parse(address);
  return parsed && kLoopback.contain(*parsed);
}

// "name", "name:80", "[::1]:80": without the port and the brackets.
std::string_view host_of(std::string_view authority) {
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    return end == std::string_view::npos ? std::string_view() : authority.substr(1, end - 1);
  }
  return authority.substr(0, authority.find(':'));
}

// A browser's page may talk to the server that it came from.
bool is_same_origin(const std::string& origin, const std::string* host) {
  const std::size_t slashes = origin.find("://");
  return host != nullptr && slashes != std::string::npos &&
         equals_ignoring_case(std::string_view(origin).substr(slashes + 3), *host);
}

}  // namespace

bool has_loopback_host(const net::HttpRequest& request) {
  const std::string* const header = request.header("host");
  if (header == nullptr || header->empty()) return true;
  std::string host = lower_case(host_of(*header));
  if (host.ends_with('.')) host.pop_back();
  return host == "localhost" || host.ends_with(".localhost") || is_loopback(host);
}

std::optional<std::string> refused_as_browsers(const net::HttpRequest& request, bool any_name) {
  if (!is_loopback(request.remote_addr)) return std::nullopt;
  if (any_name && !has_loopback_host(request))
    return "without [sources] only requests for localhost or a loopback address are taken; declare the "
           "source in "
           "[sources] to have it called by another host name";
  const std::string* const site = request.header("sec-fetch-site");
  const std::string* const origin = request.header("origin");
  const bool foreign_site = site != nullptr && *site != "same-origin" && *site != "none";
  if (foreign_site || (origin != nullptr && !is_same_origin(*origin, request.header("host"))))
    return "a web page of another origin sent this; a source without a signature takes none from browsers on "
           "this "
           "machine: set verify, or trusted_proxies if a proxy passed it on";
  return std::nullopt;
}

}  // namespace hookspool::agent
