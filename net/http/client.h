// A small HTTP client for the agent's own commands (status, send, tail): one request, one answer, one deadline.
// Thread-safe (holds no state). REQUIRES: the process ignores SIGPIPE; cpp-httplib's client writes with plain
// send().
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "net/http/server.h"
#include "storage/model/result.h"

namespace hookspool::net {

struct ClientAnswer {
  int status = 0;
  std::string content_type;
  std::string body;
};

// `address` as in HttpOptions::listen. `tls`: the certificate is not checked, because an agent that is asked from
// its own machine answers under its public name. An error's text says why alone
// ("connection refused"); kNotPermitted: this user may not use the socket. GET if `method` is "GET", else POST with the body.
Result<ClientAnswer, HttpError> http_call(const std::string& address, const std::string& method,
                                          const std::string& target,
                                          const std::vector<std::pair<std::string, std::string>>& headers,
                                          const std::string& body, std::chrono::milliseconds deadline,
                                          bool tls = false);

}  // namespace hookspool::net
