// The address of another service, as people write it. Thread-safe: no state.
#pragma once

#include <cstdint>
#include <string>

#include "storage/model/result.h"

namespace hookspool::net {

// "http://localhost:3000/webhooks", "https://[::1]/": another service's address.
struct WebUrl {
  bool tls = false;
  std::string host;  // a name or an address, without brackets
  std::uint16_t port = 0;
  std::string target;  // the path, with the query if there is one
  std::string text;    // as it was given
};
// The error says what is wrong with it and what a URL looks like.
Result<WebUrl, std::string> parse_web_url(const std::string& text);

// May it be the listener `listen` (HttpOptions::listen) of this machine? Asks the resolver.
bool leads_to(const WebUrl& url, const std::string& listen);

}  // namespace hookspool::net
