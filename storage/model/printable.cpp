#include "storage/model/printable.h"

#include <array>
#include <cstdint>
#include <cstdio>

namespace hookspool {
namespace {

struct Character {
  char32_t code = 0;
  std::size_t bytes = 0;  // 0: not UTF-8
};

// RFC 3629: no surrogates, nothing beyond U+10FFFF, no longer form than needed.
Character first_character(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  if (lead < 0x80) return {lead, 1};
  const std::size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes) return {};
  char32_t code = lead & (0xffu >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xc0u) != 0x80u) return {};
    code = (code << 6) | (byte & 0x3fu);
  }
  constexpr std::array<char32_t, 5> kLeast{0, 0, 0x80, 0x800, 0x10000};
  if (code < kLeast[bytes] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return {};
  return {code, bytes};
}

struct Range {
  char32_t first, last;
};

// Controls, and what is not seen but changes the order or the meaning of what is (Unicode: Cc, Cf, Zl, Zp).
constexpr std::array kEscaped{
    Range{0x00, 0x1f},       Range{0x7f, 0x9f},     Range{0xad, 0xad},     Range{0x61c, 0x61c},
    Range{0x180e, 0x180e},   Range{0x200b, 0x200f}, Range{0x2028, 0x202e}, Range{0x2060, 0x206f},
    Range{0xfeff, 0xfeff},   Range{0xfff9, 0xfffb}, Range{0xfffe, 0xffff}, Range{0x1d173, 0x1d17a},
    Range{0xe0000, 0xe007f},
};

bool is_escaped(char32_t code) {
  for (const Range& range : kEscaped) {
    if (code >= range.first && code <= range.last) return true;
  }
  return false;
}

std::string escape(char32_t code) {
  if (code == '\n') return "\\n";
  if (code == '\r') return "\\r";
  if (code == '\t') return "\\t";
  std::array<char, 16> text{};
  const char* format = code < 0x80 ? "\\x%02x" : code < 0x10000 ? "\\u%04x" : "\\U%08x";
  std::snprintf(text.data(), text.size(), format, static_cast<unsigned>(code));
  return text.data();
}

std::string cleaned(std::string_view text, std::size_t bytes_max, bool lines) {
  std::string out;
  while (!text.empty()) {
    const Character character = first_character(text);
    const std::size_t taken = character.bytes == 0 ? 1 : character.bytes;
    std::string piece(text.substr(0, taken));
    const bool kept_control = lines && (character.code == '\n' || character.code == '\t');
    if (character.bytes == 0) {
      std::array<char, 8> escaped{};
      std::snprintf(escaped.data(), escaped.size(), "\\x%02x",
                    static_cast<unsigned>(static_cast<unsigned char>(text.front())));
      piece = escaped.data();
    } else if (is_escaped(character.code) && !kept_control) {
      piece = escape(character.code);
    }
    if (out.size() + piece.size() > bytes_max) return out + "...";
    out += piece;
    text.remove_prefix(taken);
  }
  return out;
}

}  // namespace

std::string printable(std::string_view text, std::size_t bytes_max) {
  return cleaned(text, bytes_max, false);
}

std::string printable_lines(std::string_view text, std::size_t bytes_max) {
  return cleaned(text, bytes_max, true);
}

}  // namespace hookspool
