#include <algorithm>
#include <charconv>

#include "net/json/json.h"

namespace hookspool::net {
namespace {

// 0, 1, 17; not 01, +1, -.
std::size_t index_of(const std::string& token) {
  const bool digits =
      !token.empty() && std::all_of(token.begin(), token.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || (token.size() > 1 && token[0] == '0')) return JsonPointer::kNoIndex;
  std::size_t index = 0;
  const auto read = std::from_chars(token.data(), token.data() + token.size(), index);
  return read.ec == std::errc() ? index : JsonPointer::kNoIndex;
}

}  // namespace

JsonPointer::JsonPointer(std::vector<std::string> tokens) : tokens_(std::move(tokens)) {
  indexes_.reserve(tokens_.size());
  for (const std::string& token : tokens_) indexes_.push_back(index_of(token));
}

std::optional<JsonPointer> JsonPointer::parse(std::string_view text) {
  std::vector<std::string> tokens;
  if (!text.empty() && text[0] != '/') return std::nullopt;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '/') {
      tokens.emplace_back();
    } else if (c != '~') {
      tokens.back() += c;
    } else {
      const char next = ++at < text.size() ? text[at] : '\0';
      if (next != '0' && next != '1') return std::nullopt;
      tokens.back() += next == '0' ? '~' : '/';
    }
  }
  return JsonPointer(std::move(tokens));
}

}  // namespace hookspool::net
