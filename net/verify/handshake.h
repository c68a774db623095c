// Handshakes: what a provider asks a new URL before it sends anything there. Answered at once, never kept.
//
// Echoing what a client has sent is how pages get scripts of others: so what is echoed is short, of few kinds of
// characters, and goes out as text/plain (or as JSON that needs no escaping) that a browser must not take for anything
// else. Pure functions, thread-safe.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/verify/json_field.h"
#include "net/verify/providers.h"
#include "net/verify/verifier.h"

namespace hookspool::net {

inline constexpr std::size_t kChallengeBytesMax = 256;
inline constexpr std::size_t kValidationTokenBytesMax = 1'024;  // Microsoft Graph writes a sentence

struct HandshakeAnswer {
  int status = 200;
  std::string content_type;  // of a 200; else it is for the caller to say `body` in its own way
  std::string body;          // of a 200; else what was wrong, without anything that was sent
};

// Before the signature is looked at: Meta and Dropbox (GET), Microsoft Graph (POST without a signature). Nothing: the
// request is no handshake. `verify_token`: Meta's, from the configuration; empty: none was given, and 403 is answered.
std::optional<HandshakeAnswer> open_handshake(Handshake kind, const SignedRequest& request,
                                              std::string_view verify_token);

// Does a GET with this query ask for a handshake of that kind, well or badly? Else it is a probe.
bool asks_by_get(Handshake kind, std::string_view query);

// After the signature was found to fit: Slack, and Zoom, which wants something signed with the first of the secrets
// that fits. `body`: the fields of the request's. REQUIRES: the signature fits one of the secrets.
std::optional<HandshakeAnswer> signed_handshake(Handshake kind, const Scheme& scheme,
                                                const SignedRequest& request, const Keys& keys,
                                                JsonFields& body);

// Where signed_handshake() of that kind looks in the body: JSON pointers.
std::vector<std::string> handshake_pointers(Handshake kind);

}  // namespace hookspool::net
