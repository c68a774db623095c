// Digests and HMACs of texts that lie in several pieces, and comparison that tells nothing by its time (OpenSSL).
// Pure functions, thread-safe. HMAC: RFC 2104.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "net/verify/scheme.h"

namespace hookspool::net {

std::size_t digest_bytes(Algorithm algorithm);

// The bytes, not their hex. Nothing only where the library fails.
std::optional<std::string> digest(Algorithm algorithm, std::span<const std::string_view> pieces);
std::optional<std::string> hmac(Algorithm algorithm, std::string_view key,
                                std::span<const std::string_view> pieces);

// Of texts of the same length: their time does not depend on where they differ. Other lengths: false at once.
bool same_bytes(std::string_view one, std::string_view other);
// Of texts whose length is a secret as well: by their digests.
bool same_secret(std::string_view one, std::string_view other);

}  // namespace hookspool::net
