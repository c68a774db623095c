// cpp-httplib behind a Stream of our own: its request cycle fetches the answer through its routing hook and writes it. It
// never sees a socket, a body, or a byte that a client has chosen.
//
// What is known of the request comes from request_head.h alone. Given the client's head, 0.11.4 would refuse
// legal ones (a second '?', a line of more than 8 KiB, a method it does not know), decode percent signs in
// header values, run a std::regex over Range and cut the answer to it, put "100 Continue" into the answer and
// compress it; and reading a dozen headers a second time nearly doubles the user time of a request.
//
// Not thread-safe: one bridge belongs to one thread at a time.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "net/http/server.h"

namespace hookspool::net {

class HttplibBridge {
 public:
  // `keep_alive_hint`: how long an idle connection is kept; sent to the client.
  explicit HttplibBridge(std::chrono::seconds keep_alive_hint);
  ~HttplibBridge();
  void set_keep_alive_hint(std::chrono::seconds hint);

  // The bytes of the answer, complete. `head_only`: of a HEAD. `close` in: the answer says that the connection ends; out:
  // set also when nothing but that is left to do. False: `bytes` is a 500 instead.
  bool write(HttpAnswer&& answer, bool head_only, bool& close, std::string& bytes);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hookspool::net
