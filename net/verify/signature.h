// Webhook signatures: was this body signed with one of our secrets?
// Thread-safe: pure functions. Source: "Validating webhook deliveries", GitHub Docs; HMAC: RFC 2104.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace hookspool::net {

// X-Hub-Signature-256: "sha256=" and the hex HMAC-SHA256 of the raw body. Any of the secrets may have signed it;
// all are tried, each compared in constant time. Bad hex is a mismatch, never an error.
bool github_signature_fits(std::string_view header, std::string_view body,
                           std::span<const std::string> secrets);

}  // namespace hookspool::net
