// cpp-httplib behind a Stream of our own: it gets a head that request_head.h has already judged, calls the
// handler through its routing hook and writes the answer. It never sees a socket or a body.
//
// 0.11.4 acts on some heads in ways we must not have, or refuses legal ones; what it is given is therefore
// the request without those parts (httplib_bridge.cpp names each). The handler gets the request as it was
// sent. One bridge belongs to one worker thread at a time.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "net/http/server.h"

namespace hookspool::net {

class HttplibBridge {
 public:
  // `handler` must outlive the bridge. `keep_alive_hint`: how long an idle connection is kept; told to the
  // client.
  HttplibBridge(const HttpHandler& handler, std::chrono::seconds keep_alive_hint);
  ~HttplibBridge();

  // The bytes of the answer, complete. An exception out of the handler becomes a 500 without its text.
  // `close` in: the answer says that the connection ends; out: set also when nothing but that is left to do.
  // `failed` is set when the handler threw.
  std::string answer(HttpRequest&& request, bool& close, bool& failed);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hookspool::net
