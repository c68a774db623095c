// What stands before the admission of a source that has a verify: does the request come from its sender, and is it a
// handshake instead of a webhook?
//
// A sender is told 401 and a general text only; what did not match goes to the log, at most once in kTellInterval a
// source, and nothing of it is a secret or anything that a stranger chose. Thread-safe: called by the intake's workers.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "agent/source_set.h"
#include "net/http/server.h"
#include "net/verify/handshake.h"
#include "net/verify/verifier.h"

namespace hookspool::agent {

class SignatureGate {
 public:
  static constexpr std::chrono::seconds kTellInterval{10};

  static net::Verdict check(const net::HttpRequest& request, const ServedSource& source);
  // The answer to a handshake, before or after the check; nothing: it is none.
  static std::optional<net::HttpAnswer> open_handshake(const net::HttpRequest& request,
                                                       const ServedSource& source);
  static std::optional<net::HttpAnswer> signed_handshake(const net::HttpRequest& request,
                                                         const ServedSource& source);
  // The same for everybody, whatever it was that did not match.
  static net::HttpAnswer refusal(const SourceConfig& source);

 private:
  // To the log, for once in a while: whoever can reach the listener can make us say it.
  static void tell(const ServedSource& source, const net::HttpRequest& request, const std::string& what);
  static std::optional<net::HttpAnswer> answer(std::optional<net::HandshakeAnswer> handshake,
                                               const ServedSource& source, const net::HttpRequest& request);
};

}  // namespace hookspool::agent
