#include "storage/model/uuid.h"

#include <algorithm>

#include "storage/base/hex.h"

namespace hookspool {
namespace {

constexpr std::uint64_t kUnixMsMax = (1ull << 48) - 1;
constexpr std::uint32_t kCounterEnd = 1u << 26;
// A fresh counter starts in the lower half, so that at least 2^25 ids fit into its millisecond.
constexpr std::uint32_t kCounterStartMask = (1u << 25) - 1;

bool has_hyphen_before(std::size_t byte_index) {
  return byte_index == 4 || byte_index == 6 || byte_index == 8 || byte_index == 10;
}

std::uint32_t fresh_counter(const RandomBytes& random_bytes) {
  std::array<std::uint8_t, 4> bits{};
  random_bytes(std::as_writable_bytes(std::span(bits)));
  std::uint32_t value = 0;
  for (const std::uint8_t byte : bits) value = value << 8 | byte;
  return value & kCounterStartMask;
}

}  // namespace

bool Uuid::is_nil() const {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

std::string Uuid::to_string() const {
  std::string text;
  text.reserve(36);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (has_hyphen_before(i)) text += '-';
    append_hex(text, bytes[i]);
  }
  return text;
}

std::optional<Uuid> Uuid::parse(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  Uuid uuid;
  std::size_t at = 0;
  for (std::size_t i = 0; i < uuid.bytes.size(); ++i) {
    if (has_hyphen_before(i) && text[at++] != '-') return std::nullopt;
    const int high = lower_hex_value(text[at]);
    const int low = lower_hex_value(text[at + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    uuid.bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
    at += 2;
  }
  return uuid;
}

Uuid random_uuid(const RandomBytes& random_bytes) {
  Uuid uuid;
  random_bytes(std::as_writable_bytes(std::span(uuid.bytes)));
  uuid.bytes[6] = static_cast<std::uint8_t>(0x40 | (uuid.bytes[6] & 0x0f));
  uuid.bytes[8] = static_cast<std::uint8_t>(0x80 | (uuid.bytes[8] & 0x3f));
  return uuid;
}

Uuid first_uuid_of(std::uint64_t unix_ms) {
  const std::uint64_t ms = std::min(unix_ms, kUnixMsMax);
  Uuid uuid;
  for (std::size_t i = 0; i < 6; ++i) uuid.bytes[i] = static_cast<std::uint8_t>(ms >> (40 - 8 * i));
  uuid.bytes[6] = 0x70;
  uuid.bytes[8] = 0x80;
  return uuid;
}

UuidV7Source::UuidV7Source(RandomBytes random_bytes, const Uuid& after)
    : random_bytes_(std::move(random_bytes)) {
  for (std::size_t i = 0; i < 6; ++i) last_ms_ = last_ms_ << 8 | after.bytes[i];
  counter_ = (after.bytes[6] & 0x0fu) << 22 | static_cast<std::uint32_t>(after.bytes[7]) << 14 |
             (after.bytes[8] & 0x3fu) << 8 | after.bytes[9];
}

Uuid UuidV7Source::next(std::int64_t unix_ms) {
  const std::uint64_t now_ms =
      std::min(static_cast<std::uint64_t>(std::max<std::int64_t>(unix_ms, 0)), kUnixMsMax);
  if (now_ms > last_ms_) {
    last_ms_ = now_ms;
    counter_ = fresh_counter(random_bytes_);
  } else if (++counter_ == kCounterEnd) {
    ++last_ms_;
    counter_ = fresh_counter(random_bytes_);
  }
  Uuid uuid;
  random_bytes_(std::as_writable_bytes(std::span(uuid.bytes).subspan<10>()));
  for (std::size_t i = 0; i < 6; ++i) uuid.bytes[i] = static_cast<std::uint8_t>(last_ms_ >> (40 - 8 * i));
  uuid.bytes[6] = static_cast<std::uint8_t>(0x70 | counter_ >> 22);
  uuid.bytes[7] = static_cast<std::uint8_t>(counter_ >> 14);
  uuid.bytes[8] = static_cast<std::uint8_t>(0x80 | (counter_ >> 8 & 0x3f));
  uuid.bytes[9] = static_cast<std::uint8_t>(counter_);
  return uuid;
}

}  // namespace hookspool
