#include "net/verify/encoding.h"

#include <algorithm>
#include <cstdint>

#include "storage/base/text.h"

namespace hookspool::net {
namespace {

constexpr std::string_view kBase64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::size_t kQueryFieldsMax = 256;

int base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

}  // namespace

std::optional<std::string> decode_base64(std::string_view text, Padding rule) {
  if (rule == Padding::kRequired && text.size() % 4 != 0) return std::nullopt;
  const auto end = std::min(text.find('='), text.size());
  const std::size_t padding = text.size() - end;
  if (padding > 0 && (padding > 2 || text.size() % 4 != 0 || text.substr(end) != std::string(padding, '='))) {
    return std::nullopt;
  }
  text = text.substr(0, end);
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const int digit = base64_digit(c);
    if (digit < 0) return std::nullopt;
    bits = ((bits << 6) | static_cast<std::uint32_t>(digit)) & 0xffffff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>((bits >> count) & 0xff);
  }
  // Bits that are left over are zero in what an encoder makes; other ones would be a second spelling of it.
  if ((bits & ((1u << count) - 1)) != 0) return std::nullopt;
  return bytes;
}

std::string encode_base64(std::string_view bytes) {
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      const std::uint32_t byte = at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0;
      bits = (bits << 8) | byte;
    }
    for (std::size_t i = 0; i < 4; ++i) {
      const bool there = at + i <= bytes.size();
      text += there ? kBase64Digits[(bits >> (18 - 6 * i)) & 0x3f] : '=';
    }
  }
  return text;
}

std::optional<std::string> decode_key(std::string_view secret) {
  constexpr std::string_view kPrefix = "whsec_";
  if (secret.starts_with(kPrefix)) secret.remove_prefix(kPrefix.size());
  auto key = decode_base64(secret, Padding::kOptional);
  if (key && key->empty()) key.reset();
  return key;
}

std::optional<std::string> decode_form_text(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '+') {
      decoded += ' ';
    } else if (text[at] != '%') {
      decoded += text[at];
    } else {
      const auto byte = decode_hex(text.substr(at + 1, 2));
      if (!byte || byte->size() != 1) return std::nullopt;
      decoded += *byte;
      at += 2;
    }
  }
  return decoded;
}

std::optional<FormFields> parse_form(std::string_view text, std::size_t fields_max) {
  FormFields fields;
  while (!text.empty()) {
    const auto end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    const auto equals = std::min(pair.find('='), pair.size());
    auto name = decode_form_text(pair.substr(0, equals));
    auto value = decode_form_text(pair.substr(std::min(equals + 1, pair.size())));
    if (!name || !value || fields.size() == fields_max) return std::nullopt;
    fields.emplace_back(std::move(*name), std::move(*value));
  }
  return fields;
}

std::vector<std::string> query_parameters(std::string_view query, std::string_view name, bool any_case) {
  const auto is_name = [&](std::string_view given) {
    return any_case ? equals_ignoring_case(given, name) : given == name;
  };
  std::vector<std::string> values;
  for (std::size_t fields = 0; !query.empty() && fields < kQueryFieldsMax; ++fields) {
    const auto end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const auto equals = std::min(pair.find('='), pair.size());
    const auto given = decode_form_text(pair.substr(0, equals));
    if (!given || !is_name(*given)) continue;
    values.push_back(decode_form_text(pair.substr(std::min(equals + 1, pair.size()))).value_or(""));
  }
  return values;
}

std::optional<std::string> query_parameter(std::string_view query, std::string_view name) {
  const auto fields = parse_form(query, kQueryFieldsMax);
  if (!fields) return std::nullopt;
  std::optional<std::string> found;
  for (const auto& [each, value] : *fields) {
    if (each != name) continue;
    if (found) return std::nullopt;
    found = value;
  }
  return found;
}

}  // namespace hookspool::net
