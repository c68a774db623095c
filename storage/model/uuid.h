// 128-bit identities: event ids are UUIDv7 (RFC 9562 section 5.7), epochs are random. Plain values.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace hookspool {

struct Uuid {
  std::array<std::uint8_t, 16> bytes{};

  auto operator<=>(const Uuid&) const = default;  // byte order: for UUIDv7 the order of creation
  bool is_nil() const;
  std::string to_string() const;                       // 8-4-4-4-12, lower case
  static std::optional<Uuid> parse(std::string_view);  // the same form only; nothing otherwise
};

// Fills the span with unpredictable bytes. Given by the agent: this layer draws no random numbers itself.
using RandomBytes = std::function<void(std::span<std::byte>)>;

// 128 random bits as version 4.
Uuid random_uuid(const RandomBytes& random_bytes);

// The least UUIDv7 of that millisecond: above all ids of earlier ones. Beyond 48 bits: of the last that there is.
Uuid first_uuid_of(std::uint64_t unix_ms);

// Makes UUIDv7 ids that only grow, whatever the clock does: a clock that steps back is ignored until it
// has caught up (RFC 9562 section 6.2, method 1: a 26-bit counter after the milliseconds, then 48 random bits).
// Not thread-safe: it belongs to the journal's writer.
class UuidV7Source {
 public:
  // `after`: the greatest id ever made here (nil for none); every new one is greater.
  UuidV7Source(RandomBytes random_bytes, const Uuid& after);
  Uuid next(std::int64_t unix_ms);

 private:
  RandomBytes random_bytes_;
  std::uint64_t last_ms_ = 0;
  std::uint32_t counter_ = 0;
};

}  // namespace hookspool
