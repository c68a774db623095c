// Moments as people write and read them: RFC 3339 ("2026-11-23T14:00:00Z", "...+01:00"), or how long ago ("2h").
// Pure functions, thread-safe. All in microseconds since 1970-01-01 UTC.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hookspool::agent {

std::optional<std::int64_t> parse_instant(std::string_view text, std::int64_t now_us);
std::string format_instant(std::int64_t us);  // "2026-11-23T13:00:00.123456Z"

}  // namespace hookspool::agent
