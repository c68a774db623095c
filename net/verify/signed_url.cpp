#include "net/verify/signed_url.h"

#include <algorithm>
#include <array>

namespace hookspool::net {
namespace {

constexpr std::string_view kHttps = "https://", kHttp = "http://";

// With the scheme's own port where there is none, else without the port that is there.
std::string with_other_port(const std::string& url) {
  const std::size_t host = url.starts_with(kHttps) ? kHttps.size() : kHttp.size();
  const std::size_t end = std::min(url.find_first_of("/?", host), url.size());
  const std::string authority = url.substr(host, end - host);
  const auto at = authority.rfind('@');  // user:password before it
  const auto colon = authority.rfind(':');
  const bool has_port =
      colon != std::string::npos && authority.back() != ']' && (at == std::string::npos || colon > at);
  const std::string port = url.starts_with(kHttps) ? ":443" : ":80";
  return url.substr(0, host) + (has_port ? authority.substr(0, colon) : authority + port) + url.substr(end);
}

// HubSpot signs its URL with these, and no others, decoded ("Validating requests", HubSpot's developer documentation).
std::string partly_decoded(const std::string& url) {
  constexpr std::array<std::pair<std::string_view, char>, 12> kDecoded{{{"3A", ':'},
                                                                        {"2F", '/'},
                                                                        {"3F", '?'},
                                                                        {"40", '@'},
                                                                        {"21", '!'},
                                                                        {"24", '$'},
                                                                        {"27", '\''},
                                                                        {"28", '('},
                                                                        {"29", ')'},
                                                                        {"2A", '*'},
                                                                        {"2C", ','},
                                                                        {"3B", ';'}}};
  std::string text;
  for (std::size_t at = 0; at < url.size(); ++at) {
    std::string digits = url[at] == '%' ? url.substr(at + 1, 2) : "";
    std::transform(digits.begin(), digits.end(), digits.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    const auto known = std::find_if(kDecoded.begin(), kDecoded.end(),
                                    [&](const auto& each) { return each.first == digits; });
    text += known == kDecoded.end() ? url[at] : known->second;
    if (known != kDecoded.end()) at += 2;
  }
  return text;
}

}  // namespace

std::vector<std::string> signed_urls(const Scheme& scheme, std::string_view public_url,
                                     std::string_view query) {
  std::string url(public_url);
  if (!query.empty()) url += "?" + std::string(query);
  std::vector<std::string> urls{url};
  if (scheme.port_optional) urls.push_back(with_other_port(url));
  if (scheme.url_partly_decoded) urls.push_back(partly_decoded(url));
  std::sort(urls.begin() + 1, urls.end());
  urls.erase(std::unique(urls.begin(), urls.end()), urls.end());
  return urls;
}

Result<void, std::string> check_public_url(std::string_view url) {
  const bool web = url.starts_with(kHttps) || url.starts_with(kHttp);
  const std::size_t host = url.starts_with(kHttps) ? kHttps.size() : kHttp.size();
  const bool printable = std::all_of(url.begin(), url.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (!web || !printable || url.size() <= host || url[host] == '/') {
    return fail(std::string("needs to be a URL, as in \"https://hooks.example.com/in/twilio\""));
  }
  if (url.find_first_of("?#") != std::string_view::npos) {
    return fail(std::string("is without ? and #; a request's own query is added to it"));
  }
  return {};
}

}  // namespace hookspool::net
