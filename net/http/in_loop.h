// Requests that the loop of an HttpServer serves in its own thread: for a short one the wake-up of a worker costs more than
// the work.
//
// All connections wait while it serves, so the work of a turn has a limit; what is ready beyond it is the workers', as is
// all that the handler does not take. Plain values; start_in_loop() is for one thread, as HttpServer::start() is.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "net/http/server.h"

namespace hookspool::net {

struct HttpInLoop {
  // As an HttpLaterHandler, for what is short and waits for nothing: no file, no lock that is held over one. Called by the
  // loop's thread alone. False: this request is not so; nothing has happened then, `request` is as it was, and a worker gets it.
  std::function<bool(HttpRequest& request, const HttpReply& reply)> try_handle;
  std::chrono::microseconds time_max{1000};  // of a turn: no request is begun with after it
};

// As HttpServer::start(), but what `in_loop` takes does not come to `handler`.
Result<std::unique_ptr<HttpServer>, HttpError> start_in_loop(HttpOptions options, HttpLaterHandler handler,
                                                             HttpInLoop in_loop);

}  // namespace hookspool::net
