// The character classes of RFC 9110 that both the head and the trailers of a request are read by.
// Pure functions. Thread-safe.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include "storage/base/text.h"

namespace hookspool::net {

constexpr bool is_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// RFC 9110 section 5.6.2, as a table: this runs for every byte of every name.
constexpr std::array<bool, 256> token_table() {
  std::array<bool, 256> table{};
  for (unsigned c = '0'; c <= '9'; ++c) table[c] = true;
  for (unsigned c = 'a'; c <= 'z'; ++c) table[c] = true;
  for (unsigned c = 'A'; c <= 'Z'; ++c) table[c] = true;
  for (const char c : {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'})
    table[static_cast<unsigned char>(c)] = true;
  return table;
}

inline bool is_token_char(char c) {
  static constexpr auto kToken = token_table();
  return kToken[static_cast<unsigned char>(c)];
}

inline bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

// No part of a line: what could end one, or steer a terminal that a log is shown on.
constexpr bool is_control(char c) {
  return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == 0x7f;
}

// Calls `visit` with each member of a comma-separated list until it returns false.
template <class Visit>
void for_each_member(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (!visit(trimmed(list.substr(0, comma)))) return;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

}  // namespace hookspool::net
