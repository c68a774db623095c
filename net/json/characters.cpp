#include "net/json/characters.h"

#include <algorithm>
#include <cstdint>

namespace hookspool::net {
namespace {

constexpr std::uint32_t kReplacement = 0xFFFD;

char continuation(std::uint32_t bits) {
  return static_cast<char>(0x80 | (bits & 0x3F));
}

void append_utf8(std::string& text, std::uint32_t code) {
  if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += static_cast<char>(0xC0 | (code >> 6));
    text += continuation(code);
  } else if (code < 0x10000) {
    text += static_cast<char>(0xE0 | (code >> 12));
    text += continuation(code >> 6);
    text += continuation(code);
  } else {
    text += static_cast<char>(0xF0 | (code >> 18));
    text += continuation(code >> 12);
    text += continuation(code >> 6);
    text += continuation(code);
  }
}

// The character of the escape \uXXXX at `at`, which is moved past it and, of a pair, past the other half.
std::uint32_t unicode_escape(std::string_view inside, std::size_t& at, Unfit unfit) {
  const int unit = code_unit_at(inside, at);
  at += kUnicodeEscapeBytes;
  const int next = is_high_surrogate(unit) ? code_unit_at(inside, at) : -1;
  if (is_low_surrogate(next)) {
    at += kUnicodeEscapeBytes;
    return 0x10000U + (static_cast<std::uint32_t>(unit - 0xD800) << 10) +
           static_cast<std::uint32_t>(next - 0xDC00);
  }
  const bool fits = unit > 0 && !is_high_surrogate(unit) && !is_low_surrogate(unit);
  return fits || unfit == Unfit::kKeep ? static_cast<std::uint32_t>(unit) : kReplacement;
}

char simple_escape(char kind) {
  switch (kind) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return kind;
  }
}

}  // namespace

int code_unit_at(std::string_view text, std::size_t at) {
  if (text.size() < at + kUnicodeEscapeBytes || text[at] != '\\' || text[at + 1] != 'u') return -1;
  int value = 0;
  for (const char c : text.substr(at + 2, 4)) {
    value *= 16;
    if (c >= '0' && c <= '9') {
      value += c - '0';
    } else if (c >= 'a' && c <= 'f') {
      value += c - 'a' + 10;
    } else if (c >= 'A' && c <= 'F') {
      value += c - 'A' + 10;
    } else {
      return -1;
    }
  }
  return value;
}

std::string unescaped(std::string_view inside, Unfit unfit) {
  std::string text;
  text.reserve(inside.size());
  for (std::size_t at = 0; at < inside.size();) {
    const std::size_t escape = std::min(inside.find('\\', at), inside.size());
    text.append(inside, at, escape - at);
    at = escape;
    if (at + 1 >= inside.size()) break;
    if (inside[at + 1] == 'u') {
      append_utf8(text, unicode_escape(inside, at, unfit));
    } else {
      text += simple_escape(inside[at + 1]);
      at += 2;
    }
  }
  return text;
}

std::string with_unfit_replaced(std::string_view json) {
  std::string text(json);
  for (std::size_t at = text.find('\\'); at != std::string::npos; at = text.find('\\', at)) {
    const int unit = code_unit_at(text, at);
    if (unit < 0) {
      at += 2;
      continue;
    }
    const bool pair =
        is_high_surrogate(unit) && is_low_surrogate(code_unit_at(text, at + kUnicodeEscapeBytes));
    if (!pair && (unit == 0 || is_high_surrogate(unit) || is_low_surrogate(unit)))
      text.replace(at, kUnicodeEscapeBytes, "\\ufffd");
    at += pair ? 2 * kUnicodeEscapeBytes : kUnicodeEscapeBytes;
  }
  return text;
}

std::string JsonValue::characters(Unfit unfit) const {
  if (kind != JsonKind::kString) return std::string(raw);
  return unescaped(raw.substr(1, raw.size() - 2), unfit);
}

}  // namespace hookspool::net
