// What a request to a source is, before anything of it is kept: asked once by the admission, decided here in one place.
//
// A sender gets 401 and a general text only; what did not match is for the log (source_log.h), and nothing of it is a
// secret or text that a client chose. Pure but for the log and the clock. Thread-safe: called by the intake's workers.
#pragma once

#include <variant>

#include "agent/intake/source_set.h"
#include "net/http/server.h"
#include "net/verify/json_field.h"
#include "net/verify/verifier.h"

namespace hookspool::agent {

// A webhook of the source's sender, as far as can be known.
struct Genuine {};
// By which a sender finds out whether there is anything at its new URL (`probe` of the source): 200, empty.
struct Probe {
  net::HttpAnswer answer;
};
// What a provider asks a new URL (handshake.h), answered or refused.
struct HandshakeRequest {
  net::HttpAnswer answer;
};
// Nothing that this source takes from any client: 403 to a browser, 405 to another method.
struct NoWebhook {
  net::HttpAnswer answer;
};
// What the source's `verify` does not find right: 401, the same for every client and reason.
struct NotVerified {
  net::Verdict verdict;
  net::HttpAnswer answer;
};
using Judgement = std::variant<Genuine, Probe, HandshakeRequest, NoWebhook, NotVerified>;

class SignatureGate {
 public:
  // `body`: the fields of the request's; they are read after the signature was found to fit.
  static Judgement judge(const net::HttpRequest& request, const ServedSource& source, net::JsonFields& body);
};

}  // namespace hookspool::agent
