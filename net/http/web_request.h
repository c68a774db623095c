// One request to another service, over HTTP or HTTPS with its certificate verified: an alert, or a webhook that is passed on in
// development. Redirects are not followed and no proxy is used. Thread-safe (holds no state).
// REQUIRES: the process ignores SIGPIPE; cpp-httplib's client writes with plain send().
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "net/http/call_deadline.h"
#include "net/http/web_address.h"
#include "storage/model/result.h"

namespace hookspool::net {

inline constexpr std::chrono::milliseconds kWebConnectTimeout{5'000};
inline constexpr std::chrono::milliseconds kWebReadTimeout{10'000};  // for each read, and each write
inline constexpr std::chrono::milliseconds kWebDeadline{15'000};     // for all of it
inline constexpr std::size_t kWebAnswerBytesMax = 4'096;             // more is not read

struct WebRequest {
  WebAddress address;
  std::string method = "POST";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::string ca_file;  // PEM; empty: the system's authorities
};

struct WebAnswer {
  int status = 0;
  std::string body;  // its first kWebAnswerBytesMax
};

// Blocks. The error says why there is no answer: "no connection: ...", "the certificate is not valid for ...".
// `cancellation`: ends it from another thread, unless the name is being looked up, which only the resolver's own limit ends.
Result<WebAnswer, std::string> web_request(const WebRequest& wanted, Cancellation& cancellation);

}  // namespace hookspool::net
