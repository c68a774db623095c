// Small operations on texts that several layers need. Pure functions, thread-safe.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace hookspool {

// ASCII only, whatever the locale: names of headers, hosts and schemes.
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

constexpr char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

inline std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), to_lower);
  return lower;
}

constexpr bool equals_ignoring_case(std::string_view one, std::string_view other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [](char a, char b) { return to_lower(a) == to_lower(b); });
}

// Without the `blanks` at both ends: of HTTP, by default.
constexpr std::string_view trimmed(std::string_view text, std::string_view blanks = " \t") {
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// Is it valid UTF-8 (RFC 3629): no overlong form, no surrogate, nothing above U+10FFFF?
constexpr bool is_utf8(std::string_view text) {
  const auto byte_at = [&](std::size_t at) {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u;
  };
  const auto continues = [&](std::size_t at) { return (byte_at(at) & 0xc0u) == 0x80u; };
  for (std::size_t at = 0; at < text.size();) {
    const unsigned first = byte_at(at), second = byte_at(at + 1);
    if (first < 0x80) {
      at += 1;
    } else if (first >= 0xc2 && first <= 0xdf && continues(at + 1)) {
      at += 2;
    } else if (first >= 0xe0 && first <= 0xef && continues(at + 1) && continues(at + 2) &&
               !(first == 0xe0 && second < 0xa0) && !(first == 0xed && second > 0x9f)) {
      at += 3;
    } else if (first >= 0xf0 && first <= 0xf4 && continues(at + 1) && continues(at + 2) &&
               continues(at + 3) && !(first == 0xf0 && second < 0x90) && !(first == 0xf4 && second > 0x8f)) {
      at += 4;
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace hookspool
