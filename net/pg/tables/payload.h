// A body as jsonb will take it, or the reason it cannot be jsonb. Never loses a byte: where jsonb shows less than the body
// has, or nothing, `issue` says so and the caller stores the raw body beside it. Thread-safe: a pure function. Source of
// the limits: PostgreSQL 15 documentation 8.14 (jsonb), 8.1.2 (numeric).
#pragma once

#include <string>
#include <string_view>

#include "net/json/json.h"

namespace hookspool::net {

struct Payload {
  bool is_json = false;  // text() is what jsonb takes
  // The column payload_issue. Without a payload the one reason for that: not_json, utf8, too_deep, too_large, number. With
  // one all that jsonb does not show of the body, in this order, with commas: bom, duplicate_key, negative_zero, nul,
  // surrogate. Empty: nothing.
  std::string issue;
  std::string_view unaltered;  // in the body, without the byte order mark
  std::string altered;         // where escapes had to be replaced

  std::string_view text() const { return altered.empty() ? unaltered : std::string_view(altered); }
};

// `body` must outlive what is returned.
Payload to_payload(std::string_view body);

}  // namespace hookspool::net
