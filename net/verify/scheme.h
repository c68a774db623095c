// How a sender proves that a webhook is its own: a scheme is data, and one verifier (verifier.h) reads it. The schemes
// of known senders are in providers.h; a configuration can describe any other of the same kinds.
//
// Plain values. Header names are lower case. Thread-safe as long as no thread writes them.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "net/verify/timestamp.h"
#include "storage/model/result.h"

namespace hookspool::net {

enum class Algorithm { kSha1, kSha256, kSha384, kSha512 };
enum class Encoding { kHex, kBase64 };
enum class SecretForm {
  kText,    // the secret's bytes are the key
  kBase64,  // the key in base64, with or without "whsec_" before it and padding behind it
};

// A part of the text that is signed.
struct SignedPart {
  enum class Kind {
    kText,       // literal
    kBody,       // the raw body
    kTimestamp,  // as sent
    kId,         // as sent
    kMethod,     // upper case
    kUrl,        // the public URL, and '?' with the request's query if it has one
    kForm,  // of a form: names and values, sorted by name, then value, each once, nothing between them. Of any
            // other body nothing, and then the query's bodySHA256 must be its digest (Twilio)
    kSecret,  // the secret itself: then the signature is a plain digest instead of an HMAC (HubSpot v1, v2)
  };
  Kind kind = Kind::kText;
  std::string text;  // of kText
  bool operator==(const SignedPart&) const = default;
};

// "{id}.{timestamp}.{body}" with the names id, timestamp, body, method, url, form, secret. The error says what is wrong.
Result<std::vector<SignedPart>, std::string> parse_signed(std::string_view text);
std::string shown_signed(const std::vector<SignedPart>& parts);  // the same text again

struct TimestampRule {
  enum class From { kNone, kHeader, kSignature, kBody };
  From from = From::kNone;
  std::vector<std::string> headers;  // kHeader: the first that is there
  std::string key;                   // kSignature: in the signature's header, as "t" in "t=1614265330,v1=..."
  std::string pointer;               // kBody: a JSON pointer; the body has to be what is signed
  TimestampUnit unit = TimestampUnit::kSeconds;
  bool number_only =
      false;  // kBody: a JSON number, as its sender documents it; a text of digits is malformed
  bool operator==(const TimestampRule&) const = default;
};

struct Scheme {
  enum class Kind {
    kNone,       // everything is taken
    kSignature,  // a digest of the signed parts
    kToken,      // the secret itself, in a header
    kBasic,      // "Authorization: Basic", the secret is "user:password"
    kBodyToken,  // the secret itself, in the body
  };
  Kind kind = Kind::kNone;
  std::vector<std::string> headers;  // of the signature or token: the first that is there
  bool every_header = false;         // each of them that is there has to fit (Shopify's two sets)
  std::string prefix;     // before each signature, or before the token (then in any case of letters)
  char separator = '\0';  // between several signatures in one header; '\0': there is one
  Encoding encoding = Encoding::kHex;
  Algorithm algorithm = Algorithm::kSha256;
  std::vector<SignedPart> signed_parts;
  SecretForm secret_form = SecretForm::kText;
  std::vector<std::string> id_headers;  // the first that is there is {id}
  TimestampRule timestamp;
  std::chrono::milliseconds tolerance{300'000};  // how far a timestamp may lie from now, either way
  bool port_optional = false;                    // the URL may be signed with or without its port (Twilio)
  bool url_partly_decoded = false;  // the URL may be signed with some of its %XX decoded (HubSpot)
  std::string
      body_pattern;  // kBodyToken: a JSON pointer where "*" is every element of an array, each of which
                     // must have it

  bool uses(SignedPart::Kind part) const;
  bool operator==(const Scheme&) const = default;
};

// May this be a secret of such a scheme? The error says what is expected, and nothing of the secret.
Result<void, std::string> check_secret(const Scheme& scheme, std::string_view secret);

}  // namespace hookspool::net
