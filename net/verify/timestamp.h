// The times that senders sign, in one spelling each: what is signed next to a time must not be able to become part of it.
// Pure functions, thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace hookspool::net {

enum class TimestampUnit {
  kSeconds,       // 10 digits, the first not 0: the years 2001 to 2286
  kMilliseconds,  // 13 digits
  kRfc3339,       // 2026-11-27T12:00:00.123+01:00; any number of digits after the point, Z or an offset
};

// Milliseconds since 1970. Nothing where the text is not of that form.
std::optional<std::int64_t> parse_timestamp(std::string_view text, TimestampUnit unit);
// "10 digits (seconds)", for a message about what is not.
std::string_view timestamp_form(TimestampUnit unit);

}  // namespace hookspool::net
