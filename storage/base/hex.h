// Hexadecimal digits. Pure functions, thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace hookspool {

inline constexpr std::string_view kHexDigits = "0123456789abcdef";

// -1: it is no digit, or one in upper case.
constexpr int lower_hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
// Of a digit in either case; -1: it is none.
constexpr int hex_value(char c) {
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : lower_hex_value(c);
}

// Two digits, lower case, at the end of `text`.
inline void append_hex(std::string& text, unsigned char byte) {
  text += kHexDigits[byte >> 4];
  text += kHexDigits[byte & 0x0f];
}

inline std::string encode_hex(std::string_view bytes) {  // lower case
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char c : bytes) append_hex(text, static_cast<unsigned char>(c));
  return text;
}

// Either case. Nothing for an odd number of digits, or where there is any other character.
inline std::optional<std::string> decode_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t at = 0; at < text.size(); at += 2) {
    const int high = hex_value(text[at]), low = hex_value(text[at + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

}  // namespace hookspool
