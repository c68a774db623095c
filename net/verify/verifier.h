// Verifies that a webhook was signed with one of our secrets. One verifier for every scheme (scheme.h).
//
// Pure functions, thread-safe; the time is given. Comparisons take the same time wherever texts differ. What comes out
// names the part that did not match, and holds nothing of a secret, nothing that the sender has chosen but the first
// characters of its signatures, and of what was expected at most as many.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/verify/scheme.h"

namespace hookspool::net {

using HeaderFields = std::vector<std::pair<std::string, std::string>>;  // lower-case names, in order

// A request as it came. Everything is borrowed.
struct SignedRequest {
  std::string_view method;  // upper case
  std::string_view query;   // as sent, without '?'
  const HeaderFields& headers;
  std::string_view body;
};

// What we know: for how it is compared.
struct Keys {
  std::span<const std::string> secrets;  // any of them may have signed
  std::string_view public_url;           // as the sender calls it, without a query; for {url}
  std::int64_t now_us = 0;               // wall clock
};

enum class Mismatch {
  kNone,                // it fits
  kHeaderMissing,       // of the signature, the id or the timestamp
  kHeaderRepeated,      // the same header more than once
  kPrefixMissing,       // no part of the signature's header begins as it has to
  kSignatureMalformed,  // none of the signatures is in the encoding, or of the length, that it has to be in
  kTimestampMissing,
  kTimestampMalformed,
  kTooOld,
  kTooFarAhead,
  kBodyNotCovered,  // the body is not what the signature speaks of, or cannot be read as it needs to be
  kAmbiguous,       // what is signed could be cut into other parts (boundaries.h)
  kNoSecretFits,
};
inline constexpr std::size_t kMismatches = static_cast<std::size_t>(Mismatch::kNoSecretFits) + 1;
std::string_view mismatch_name(Mismatch mismatch);  // "header_missing"

struct Verdict {
  Mismatch mismatch = Mismatch::kNone;
  std::string text{};  // one line for an administrator; empty where it fits
  bool fits() const { return mismatch == Mismatch::kNone; }
};

// How the verifier came to its verdict, for an administrator who looks for the part that is wrong.
struct Trace {
  static constexpr std::size_t kShownCharacters = 6;  // of a signature, sent or expected

  std::string header;                                      // the one with the signature
  std::string shape;                                       // "{id}.{timestamp}.{body}"
  std::vector<std::pair<std::string, std::size_t>> parts;  // of the shape, with their lengths in bytes
  std::size_t signed_bytes = 0;
  std::vector<std::string> sent;       // the beginning of each signature that was sent
  std::vector<std::string> expected;   // the beginning of what each secret would give; never of a token
  std::optional<std::int64_t> age_ms;  // of the timestamp; negative: ahead
};

// `trace`: filled as far as the verdict went; may be nullptr.
Verdict verify(const Scheme& scheme, const SignedRequest& request, const Keys& keys, Trace* trace = nullptr);

}  // namespace hookspool::net
