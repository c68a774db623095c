// What stands before the admission of a source that has a verify: does the request come from its sender, and is it a
// handshake instead of a webhook?
//
// A sender gets 401 and a general text only; what did not match is for the log (source_log.h), and nothing of it is a
// secret or text that a client chose. Thread-safe: called by the intake's workers.
#pragma once

#include <optional>

#include "agent/intake/source_set.h"
#include "net/http/server.h"
#include "net/verify/handshake.h"
#include "net/verify/verifier.h"

namespace hookspool::agent {

class SignatureGate {
 public:
  static net::Verdict check(const net::HttpRequest& request, const ServedSource& source);
  // The answer to a request by which a sender finds out whether there is anything at its new URL (`probe` of the source):
  // 200, empty, and nothing is kept. Nothing: it is none, or a handshake.
  static std::optional<net::HttpAnswer> probe(const net::HttpRequest& request, const ServedSource& source);
  // The answer to a handshake, before or after the check; nothing: it is none.
  static std::optional<net::HttpAnswer> open_handshake(const net::HttpRequest& request,
                                                       const ServedSource& source);
  static std::optional<net::HttpAnswer> signed_handshake(const net::HttpRequest& request,
                                                         const ServedSource& source);
  // The same for every client and reason.
  static net::HttpAnswer refusal(const SourceConfig& source);

 private:
  static std::optional<net::HttpAnswer> answer(std::optional<net::HandshakeAnswer> handshake,
                                               const ServedSource& source, const net::HttpRequest& request);
};

}  // namespace hookspool::agent
