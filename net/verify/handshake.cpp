#include "net/verify/handshake.h"

#include <algorithm>

#include "net/verify/digest.h"
#include "net/verify/encoding.h"

namespace hookspool::net {
namespace {

constexpr const char* kPlain = "text/plain; charset=utf-8";

constexpr const char* kSlackType = "/type";
constexpr const char* kSlackChallenge = "/challenge";
constexpr const char* kZoomEvent = "/event";
constexpr const char* kZoomToken = "/payload/plainToken";

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Random texts of any provider, in hexadecimal, base64 or base64url.
bool is_challenge(std::string_view text) {
  constexpr std::string_view kOthers = "_-.~=+/";
  return !text.empty() && text.size() <= kChallengeBytesMax &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return is_letter_or_digit(c) || kOthers.find(c) != std::string_view::npos;
         });
}

// As above without a colon, a slash or anything else: what is signed here must never be the text of a webhook.
bool is_plain_token(std::string_view text) {
  return !text.empty() && text.size() <= kChallengeBytesMax &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_letter_or_digit(c) || c == '_' || c == '-'; });
}

// A sentence: "Validation: Testing client application reachability ...". No markup, no quotes.
bool is_validation_token(std::string_view text) {
  constexpr std::string_view kForbidden = "<>&\"'`\\";
  return !text.empty() && text.size() <= kValidationTokenBytesMax &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return c >= 0x20 && c < 0x7f && kForbidden.find(c) == std::string_view::npos;
         });
}

HandshakeAnswer refused(int status, std::string what) {
  return {status, "", std::move(what)};
}

// A parameter that is not there is an empty text, which none of the checks lets through.
std::string parameter(const SignedRequest& request, std::string_view name) {
  return query_parameter(request.query, name).value_or("");
}

HandshakeAnswer meta(const SignedRequest& request, std::string_view verify_token) {
  const std::string challenge = parameter(request, "hub.challenge");
  if (parameter(request, "hub.mode") != "subscribe" || !is_challenge(challenge)) {
    return refused(
        400, "not a handshake: hub.mode=subscribe and a hub.challenge of letters and digits are needed");
  }
  if (verify_token.empty() || !same_secret(parameter(request, "hub.verify_token"), verify_token)) {
    return refused(403, "hub.verify_token is not this source's");
  }
  return {200, kPlain, challenge};
}

}  // namespace

bool asks_by_get(Handshake kind, std::string_view query) {
  const auto has = [&](std::string_view name) { return !query_parameters(query, name).empty(); };
  return (kind == Handshake::kMeta && (has("hub.mode") || has("hub.challenge"))) ||
         (kind == Handshake::kDropbox && has("challenge"));
}

std::optional<HandshakeAnswer> open_handshake(Handshake kind, const SignedRequest& request,
                                              std::string_view verify_token) {
  if (kind == Handshake::kMeta && request.method == "GET") return meta(request, verify_token);
  if (kind == Handshake::kDropbox && request.method == "GET") {
    const std::string challenge = parameter(request, "challenge");
    if (!is_challenge(challenge))
      return refused(400, "not a handshake: a challenge of letters and digits is needed");
    return HandshakeAnswer{200, kPlain, challenge};
  }
  if (kind == Handshake::kMicrosoftGraph && request.method == "POST") {
    // SharePoint writes validationtoken.
    const auto tokens = query_parameters(request.query, "validationToken", true);
    if (tokens.empty()) return std::nullopt;
    const std::string& token = tokens.front();
    if (tokens.size() > 1 || !is_validation_token(token))
      return refused(400, "validationToken is empty, too long or no plain text");
    return HandshakeAnswer{200, kPlain, token};
  }
  return std::nullopt;
}

std::optional<HandshakeAnswer> signed_handshake(Handshake kind, const Scheme& scheme,
                                                const SignedRequest& request, const Keys& keys,
                                                JsonFields& body) {
  if (kind == Handshake::kSlack && body.text(kSlackType) == "url_verification") {
    const std::string challenge = body.text(kSlackChallenge).value_or("");
    if (!is_challenge(challenge)) return refused(400, "challenge is empty, too long or no plain text");
    return HandshakeAnswer{200, kPlain, challenge};
  }
  if (kind != Handshake::kZoom || body.text(kZoomEvent) != "endpoint.url_validation") return std::nullopt;
  const std::string token = body.text(kZoomToken).value_or("");
  if (!is_plain_token(token)) return refused(400, "payload.plainToken is empty, too long or no plain text");
  for (const auto& secret : keys.secrets) {
    const bool signed_with =
        verify(scheme, request, {std::span(&secret, 1), keys.public_url, keys.now_us}).fits();
    if (!signed_with) continue;
    const std::string_view piece = token;
    const auto mac = hmac(Algorithm::kSha256, secret, std::span(&piece, 1));
    if (!mac) break;
    return HandshakeAnswer{
        200, "application/json",
        R"({"plainToken":")" + token + R"(","encryptedToken":")" + encode_hex(*mac) + "\"}"};
  }
  return refused(503, "the token could not be signed");
}

std::vector<std::string> handshake_pointers(Handshake kind) {
  switch (kind) {
    case Handshake::kSlack:
      return {kSlackType, kSlackChallenge};
    case Handshake::kZoom:
      return {kZoomEvent, kZoomToken};
    case Handshake::kNone:
    case Handshake::kMeta:
    case Handshake::kMicrosoftGraph:
    case Handshake::kDropbox:
      break;
  }
  return {};
}

}  // namespace hookspool::net
