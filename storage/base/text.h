// Small operations on texts that several layers need. Pure functions, thread-safe.
#pragma once

#include <string_view>

namespace hookspool {

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
