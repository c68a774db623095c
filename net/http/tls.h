// TLS on the server's side of a connection, without ever waiting: OpenSSL on a socket of ours that reads no
// more at a time than it is given leave to, so that a client cannot keep the loop busy inside one read.
//
// TLS 1.2 with forward secrecy and authenticated ciphers, and TLS 1.3; key exchange over X25519, P-256 and P-384 alone, whose
// cost is known; no renegotiation, no compression, no session tickets, no early data; ALPN http/1.1. OpenSSL takes no memory
// for a connection before its ClientHello is there, and no more than was announced within tls_hello.h's limits. Sources: RFC 8446, RFC 9325, OpenSSL 3.0 manual pages.
// TlsContext is thread-safe; a TlsSession belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "net/http/server.h"
#include "storage/base/mutex.h"
#include "storage/model/result.h"

namespace hookspool::net {

// A certificate with its key. Sessions keep it alive, so it can be replaced while they go on.
class TlsContext {
 public:
  // Both PEM; the certificate with its chain, the key without a passphrase. Fails with the file and the reason.
  static Result<std::shared_ptr<const TlsContext>, HttpError> load(const TlsFiles& files);
  virtual ~TlsContext() = default;
  virtual std::int64_t not_after_s() const = 0;  // of the certificate, since 1970
};

// The context of the connections that are made from now on; nullptr: plain. Thread-safe.
class CurrentTls {
 public:
  std::shared_ptr<const TlsContext> get() const EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return context_;
  }
  void set(std::shared_ptr<const TlsContext> context) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    context_ = std::move(context);
  }

 private:
  mutable Mutex mutex_;
  std::shared_ptr<const TlsContext> context_ GUARDED_BY(mutex_);
};

class TlsSession {
 public:
  enum class Received {
    kBytes,
    kNothing,     // the socket has no more for now
    kLater,       // it has, but this was enough for one turn
    kWantsWrite,  // the socket must take bytes first
    kHello,       // a whole ClientHello is there: begin() makes the handshake possible
    kEnd,
    kBroken,
    kPlain,  // the client speaks plain HTTP
  };

  // `fd`, non-blocking, must outlive the session.
  static std::unique_ptr<TlsSession> accept(std::shared_ptr<const TlsContext> context, int fd);
  virtual ~TlsSession() = default;

  virtual Received receive(std::span<char> scratch, std::string_view& bytes) = 0;
  // Sends what the socket takes without waiting and moves `sent` along. False: the connection is broken.
  // REQUIRES: after a partial send, the rest and nothing else.
  virtual bool send(std::string_view bytes, std::size_t& sent) = 0;
  virtual bool is_established() const = 0;
  // REQUIRES: receive() said kHello. False: no memory.
  virtual bool begin() = 0;
  virtual bool has_begun() const = 0;
  // What OpenSSL keeps for it now, of what can be kept or not: of the handshake, and of a record that is not complete.
  virtual std::size_t held_bytes() const = 0;
  virtual void say_goodbye() = 0;  // close_notify, if the socket takes it
};

}  // namespace hookspool::net
