#include "net/http/forwarded.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string_view>

#include "net/http/syntax.h"

namespace hookspool::net {
namespace {

// Members of the list, empty ones included: more than any real chain has. What lies further left is never looked at.
constexpr std::size_t kHopsMax = 32;

// A number, or a name that hides it: "_" and what RFC 7239 section 6.3 allows.
bool is_port(std::string_view text) {
  if (text.size() > 1 && text.front() == '_') return is_token(text);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size();
}

// The zone of a link-local address means something on the proxy's machine only.
std::optional<IpAddress> parse_address(std::string_view text) {
  const std::size_t zone = text.find(':') == std::string_view::npos ? std::string_view::npos : text.find('%');
  if (zone != std::string_view::npos && zone + 1 == text.size()) return std::nullopt;
  return IpAddress::parse(text.substr(0, zone));
}

// "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80".
std::optional<IpAddress> parse_node(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view after = text.substr(end + 1);
    if (!after.empty() && (after.front() != ':' || !is_port(after.substr(1)))) return std::nullopt;
    const auto address = parse_address(text.substr(1, end - 1));
    return text.substr(1, end - 1).find(':') == std::string_view::npos ? std::nullopt : address;
  }
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos && colon == text.rfind(':')) {
    if (!is_port(text.substr(colon + 1))) return std::nullopt;
    text = text.substr(0, colon);
  }
  return parse_address(text);
}

std::string_view unquoted(std::string_view text) {
  const bool quoted = text.size() >= 2 && text.front() == '"' && text.back() == '"';
  return quoted ? text.substr(1, text.size() - 2) : text;
}

// The last member of a comma-separated list, which is cut off; commas in quoted strings do not count.
std::string_view cut_last(std::string_view& list) {
  bool quoted = false;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (quoted && list[i] == '\\') {
      ++i;
    } else if (list[i] == '"') {
      quoted = !quoted;
    } else if (list[i] == ',' && !quoted) {
      begin = i + 1;
    }
  }
  const std::string_view last = trimmed(list.substr(begin));
  list = list.substr(0, begin == 0 ? 0 : begin - 1);
  return last;
}

// The "for" of one forwarded-element: pairs of token "=" (token | quoted-string), parted by ";". Nothing if
// there is not exactly one, or the element is no such thing.
std::optional<IpAddress> parse_element(std::string_view element) {
  std::optional<IpAddress> found;
  bool seen = false;
  while (!element.empty()) {
    const std::size_t equals = element.find('=');
    if (equals == std::string_view::npos || !is_token(element.substr(0, equals))) return std::nullopt;
    const std::string_view name = element.substr(0, equals);
    element.remove_prefix(equals + 1);
    std::string_view value;
    if (element.starts_with('"')) {
      const std::size_t end = element.find('"', 1);
      if (end == std::string_view::npos) return std::nullopt;
      value = element.substr(1, end - 1);
      element.remove_prefix(end + 1);
    } else {
      value = element.substr(0, element.find(';'));
      element.remove_prefix(value.size());
      value = trimmed(value);
      if (!is_token(value)) return std::nullopt;
    }
    // An address never needs a quoted pair, so a backslash in one is a trick.
    if (equals_ignoring_case(name, "for")) {
      if (seen) return std::nullopt;
      seen = true;
      found = parse_node(value);
    }
    // An empty pair is none (RFC 7239 section 4), and proxies write a space after the ";".
    element = trimmed(element);
    if (!element.empty() && element.front() != ';') return std::nullopt;
    while (element.starts_with(';')) element = trimmed(element.substr(1));
  }
  return found;
}

}  // namespace

std::string client_address(const std::optional<IpAddress>& peer, const HeaderLines& headers,
                           const ProxyTrust& trust) {
  const std::string peer_text = peer ? peer->text() : std::string();
  if (peer ? !trust.networks.contain(*peer) : !trust.unix_socket) return peer_text;
  const bool is_list = trust.header == ProxyTrust::Header::kXForwardedFor;
  const std::string_view name = is_list ? "x-forwarded-for" : "forwarded";
  std::optional<IpAddress> client;
  std::size_t hops = 0;
  for (auto line = headers.rbegin(); line != headers.rend(); ++line) {
    if (line->first != name) continue;
    std::string_view list = line->second;
    do {
      const std::string_view member = cut_last(list);
      if (++hops > kHopsMax) return peer_text;
      if (member.empty()) continue;  // counts for nothing in a list (RFC 9110 section 5.6.1)
      const auto hop = is_list ? parse_node(unquoted(member)) : parse_element(member);
      if (!hop) return peer_text;
      client = hop;
      if (!trust.networks.contain(*hop)) return hop->text();
    } while (!list.empty());
  }
  return client ? client->text() : peer_text;
}

}  // namespace hookspool::net
