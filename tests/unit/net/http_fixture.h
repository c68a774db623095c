// What the tests of the HTTP server share: a started server and two plain handlers.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "net/http/server.h"

namespace hookspool::testing {

// On a free port of the loopback unless `options` say otherwise.
inline std::unique_ptr<net::HttpServer> serve(net::HttpHandler handler, net::HttpOptions options = {}) {
  if (options.listen.empty()) options.listen = "127.0.0.1:0";
  auto server = net::HttpServer::start(std::move(options), std::move(handler));
  if (!server) throw std::runtime_error(server.error().text);
  return std::move(server).value();
}

inline std::unique_ptr<net::HttpServer> serve(net::HttpLaterHandler handler, net::HttpOptions options = {}) {
  if (options.listen.empty()) options.listen = "127.0.0.1:0";
  auto server = net::HttpServer::start(std::move(options), std::move(handler));
  if (!server) throw std::runtime_error(server.error().text);
  return std::move(server).value();
}

inline net::HttpAnswer text(std::string body, int status = 200) {
  net::HttpAnswer answer;
  answer.status = status;
  answer.content_type = "text/plain";
  answer.body = std::move(body);
  return answer;
}

inline net::HttpAnswer echo(net::HttpRequest&& request) {
  return text(std::move(request.body));
}

}  // namespace hookspool::testing
