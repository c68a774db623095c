// The HTTP server: cpp-httplib's request cycle and response writer behind our own accept loop, reader and
// Stream.
//
// One thread owns every connection (epoll). It reads whole requests, strictly framed and within the limits
// below, and only then hands one to a worker: a slow or silent client costs a file descriptor and its buffer,
// never a worker. A worker serves a request, not a connection. Framing rules: RFC 9112; why cpp-httplib's own
// are not enough is in DECISIONS.md.
//
// Thread-safety: start() and stop() from one thread, the rest from any; the handler is called from worker threads, several at
// once.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http/forwarded.h"
#include "storage/model/result.h"

namespace hookspool::net {

struct HttpError {
  enum class Kind { kBadAddress, kBadCertificate, kAddressInUse, kNotPermitted, kSystem };
  Kind kind;
  std::string text;  // names the address and what to do
};

struct HttpRequest {
  std::string method;                                        // upper case
  std::string path;                                          // as sent, not decoded, without the query
  std::string query;                                         // as sent, without '?'
  std::string remote_addr;                                   // numeric; empty for a Unix socket
                                                             // (HttpOptions::proxies may say otherwise)
  std::vector<std::pair<std::string, std::string>> headers;  // lower-case name, value as sent, in order
  std::string body;
  const std::string* header(std::string_view lower_case_name) const;  // the first; nullptr if absent
};

struct HttpAnswer {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  // never built from client input
};

using HttpHandler = std::function<HttpAnswer(HttpRequest&&)>;

// Where the answer to one request goes: once, at any time, from any thread, without waiting. Copies are the same reply.
// When the last of them is gone without an answer the client gets a 500. May outlive its server.
class HttpReply {
 public:
  class Receiver {
   public:
    virtual ~Receiver() = default;
    virtual void take(HttpAnswer&& answer) = 0;
  };
  explicit HttpReply(std::shared_ptr<Receiver> receiver) : receiver_(std::move(receiver)) {}
  void operator()(HttpAnswer answer) const { receiver_->take(std::move(answer)); }

 private:
  std::shared_ptr<Receiver> receiver_;
};

// For a handler that has to wait for something: it occupies a worker only until it returns.
using HttpLaterHandler = std::function<void(HttpRequest&&, HttpReply)>;

// PEM: the certificate with its chain, and its key without a passphrase.
struct TlsFiles {
  std::string certificate_file;
  std::string key_file;
  bool given() const { return !certificate_file.empty(); }
  bool operator==(const TlsFiles&) const = default;
};

struct HttpOptions {
  std::string listen;  // "127.0.0.1:8080", "[::1]:8080", "localhost:8080", "unix:/run/x.sock"; port 0: any
  unsigned unix_mode = 0660;           // of the Unix socket's file
  std::optional<unsigned> unix_gid{};  // its group; nothing: the process's own
  int inherited_fd = -1;  // a socket that listens on `listen` already and that another process holds as well
  TlsFiles tls;           // none: plain HTTP
  std::size_t workers = 4;  // threads that handlers run in
  std::size_t in_handler_max =
      256;  // requests handed over and not answered yet; the others wait for their turn
  // In all: beyond it the one that has been unproductive for longest goes. 0 per address: no limit.
  std::size_t connections_max = 8192;
  std::size_t connections_per_address_max = 0;  // of an IPv4 address, or a /64 network of IPv6
  Networks without_address_limit = Networks::loopback();
  ProxyTrust proxies;                      // their addresses have no limit either
  std::size_t head_bytes_max = 32 * 1024;  // what proxies before us take, by default
  std::size_t header_lines_max = 128;
  std::size_t path_bytes_max = 1024;  // with the query: head_bytes_max
  std::size_t body_bytes_max = 1024 * 1024;
  std::size_t bytes_in_flight_max = 64u << 20;         // of requests being read or handled
  std::chrono::milliseconds handshake_deadline{5000};  // accepted to ready, with TLS
  std::chrono::milliseconds head_deadline{5000};       // first byte to the end of the head
  std::chrono::milliseconds request_deadline{10000};   // first byte to last
  std::chrono::milliseconds idle_deadline{75000};    // a kept connection without a request; proxies keep 60 s
  std::chrono::milliseconds worker_deadline{5000};   // a whole request that no handler has begun with: 503
  std::chrono::milliseconds reply_deadline{10000};   // a handler that has begun and gives no reply: 503
  std::chrono::milliseconds answer_deadline{10000};  // to get an answer into the socket
};

struct HttpStats {
  std::uint64_t requests = 0;                // reached the handler
  std::uint64_t refused = 0;                 // answered by the listener itself (4xx, 503, 505)
  std::uint64_t connections = 0;             // open now
  std::uint64_t connections_refused = 0;     // answered 503 for want of room
  std::uint64_t connections_evicted = 0;     // least recently productive when another client needed the place
  std::uint64_t requests_shed = 0;           // answered 503 because their turn did not come in time
  std::uint64_t requests_given_up = 0;       // answered 503 because the handler's reply did not
  std::uint64_t in_handler = 0;              // begun with and not answered, now
  std::int64_t certificate_not_after_s = 0;  // when the certificate in use ends, since 1970; 0: there is none
  std::uint64_t handler_failures = 0;  // exceptions out of the handler and replies it dropped, answered 500
};

class HttpServer {
 public:
  // Can `listen` be an address at all? The very check that start() does. The address as it is shown.
  static Result<std::string, HttpError> check_address(const std::string& listen);
  // What an inherited socket listens on, in the same form; fails if it does not listen.
  static Result<std::string, HttpError> address_of(int listening_fd);
  // Can these files serve? The very check that start() does. When the certificate ends, since 1970.
  static Result<std::int64_t, HttpError> check_certificate(const TlsFiles& files);
  // Binds, listens and serves at once. Never shares a port with another process (no SO_REUSEPORT).
  static Result<std::unique_ptr<HttpServer>, HttpError> start(HttpOptions options, HttpHandler handler);
  static Result<std::unique_ptr<HttpServer>, HttpError> start(HttpOptions options, HttpLaterHandler handler);
  virtual ~HttpServer() = default;
  virtual std::uint16_t port() const = 0;  // the bound one; 0 for a Unix socket
  virtual HttpStats stats() const = 0;
  // Reads certificate and key, for connections made from now on; the others keep theirs. If the files are
  // no good nothing changes. When the certificate ends, since 1970. REQUIRES: start() was given some.
  virtual Result<std::int64_t, HttpError> reload_certificate(const TlsFiles& files) = 0;
  // Of `options` body_bytes_max, request_deadline, idle_deadline, connections_max, connections_per_address_max and proxies, for
  // what comes from now on. Any thread.
  virtual void set_limits(const HttpOptions& options) = 0;
  // Stops accepting, answers what has come in whole or still does within a moment, closes the rest. Returns
  // after `grace` at the latest; false: a request was not answered. The destructor waits for handlers that still run,
  // not for replies.
  virtual bool stop(std::chrono::milliseconds grace) = 0;
};

}  // namespace hookspool::net
