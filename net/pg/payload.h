// A body as jsonb will take it, or the reason it cannot be jsonb. Never loses a byte: where `json` is absent
// or altered, the caller stores the raw body beside it. Thread-safe: a pure function. Source of the limits:
// PostgreSQL 15 documentation 8.14 (jsonb), 8.1.2 (numeric).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hookspool::net {

struct Payload {
  std::optional<std::string>
      json;                // altered text only; when absent and issue is empty the body itself is jsonb-safe
  bool is_json = false;    // payload column is set (from `json`, else from the body)
  std::string_view issue;  // "", not_json, utf8, nul, surrogate, too_deep, number
};

inline constexpr int kJsonDepthMax = 512;  // far below what PostgreSQL's stack allows (54001 near 6,000)

Payload to_payload(std::string_view body);

}  // namespace hookspool::net
