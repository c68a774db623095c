#include "agent/commands/forwarder.h"

#include <algorithm>
#include <array>

#include "net/http/own_listener.h"
#include "net/http/web_request.h"

namespace hookspool::agent {
namespace {

// RFC 9110 section 7.6.1, and what the client writes itself.
constexpr std::array<std::string_view, 13> kOfTheConnection{"connection",
                                                            "keep-alive",
                                                            "proxy-connection",
                                                            "te",
                                                            "trailer",
                                                            "transfer-encoding",
                                                            "upgrade",
                                                            "expect",
                                                            "host",
                                                            "content-length",
                                                            "http2-settings",
                                                            "accept-encoding",
                                                            "proxy-authenticate"};

bool is_of_the_connection(std::string_view name) {
  return std::find(kOfTheConnection.begin(), kOfTheConnection.end(), name) != kOfTheConnection.end();
}

}  // namespace

Result<Forwarder, std::string> Forwarder::to(const std::string& url, const std::string& intake) {
  auto parsed = net::parse_web_address(url);
  if (!parsed) return fail("the URL " + url + " " + parsed.error());
  if (net::leads_to(*parsed, intake)) {
    return fail(url + " is the agent's own intake (" + intake +
                "): each webhook would come back as a new one; give another service's URL");
  }
  return Forwarder(url, std::move(*parsed));
}

Forwarded Forwarder::send(const std::string& method, const std::string& query,
                          const std::vector<std::pair<std::string, std::string>>& headers,
                          const std::string& body) const {
  std::vector<std::pair<std::string, std::string>> sent;
  for (const auto& [name, value] : headers) {
    if (!is_of_the_connection(name)) sent.emplace_back(name, value);
  }
  sent.emplace_back(kForwardedHeader, "1");
  net::WebRequest request{
      .address = url_, .method = method, .headers = std::move(sent), .body = body, .ca_file = {}};
  std::string& target = request.address.target;
  if (!query.empty()) target += (target.find('?') == std::string::npos ? "?" : "&") + query;
  net::Cancellation never;
  const auto began = std::chrono::steady_clock::now();
  const auto answer = net::web_request(request, never);
  Forwarded forwarded{.took = std::chrono::duration_cast<std::chrono::milliseconds>(
                          std::chrono::steady_clock::now() - began)};
  if (answer) {
    forwarded.status = answer->status;
  } else {
    forwarded.error = answer.error();
  }
  return forwarded;
}

}  // namespace hookspool::agent
