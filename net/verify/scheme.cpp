#include "net/verify/scheme.h"

#include <algorithm>
#include <array>

#include "net/verify/encoding.h"

namespace hookspool::net {
namespace {

using Kind = SignedPart::Kind;

constexpr std::size_t kSignedPartsMax = 16;
constexpr std::array<std::pair<std::string_view, Kind>, 7> kNames{{{"body", Kind::kBody},
                                                                   {"timestamp", Kind::kTimestamp},
                                                                   {"id", Kind::kId},
                                                                   {"method", Kind::kMethod},
                                                                   {"url", Kind::kUrl},
                                                                   {"form", Kind::kForm},
                                                                   {"secret", Kind::kSecret}}};

}  // namespace

Result<std::vector<SignedPart>, std::string> parse_signed(std::string_view text) {
  std::vector<SignedPart> parts;
  while (!text.empty()) {
    if (parts.size() == kSignedPartsMax) return fail(std::string("has more than 16 parts"));
    if (text[0] != '{') {
      const auto end = std::min(text.find('{'), text.size());
      parts.push_back({Kind::kText, std::string(text.substr(0, end))});
      text.remove_prefix(end);
      continue;
    }
    const auto end = text.find('}');
    const std::string_view name = text.substr(1, end == std::string_view::npos ? end : end - 1);
    const auto known =
        std::find_if(kNames.begin(), kNames.end(), [&](const auto& each) { return each.first == name; });
    if (end == std::string_view::npos || known == kNames.end()) {
      return fail("{" + std::string(name) +
                  "} is none of {body} {timestamp} {id} {method} {url} {form} {secret}");
    }
    parts.push_back({known->second, ""});
    text.remove_prefix(end + 1);
  }
  return parts;
}

std::string shown_signed(const std::vector<SignedPart>& parts) {
  std::string text;
  for (const auto& part : parts) {
    if (part.kind == Kind::kText) text += part.text;
    for (const auto& [name, kind] : kNames) {
      if (kind == part.kind) text += "{" + std::string(name) + "}";
    }
  }
  return text;
}

bool Scheme::uses(SignedPart::Kind part) const {
  return std::any_of(signed_parts.begin(), signed_parts.end(),
                     [&](const SignedPart& each) { return each.kind == part; });
}

Result<void, std::string> check_secret(const Scheme& scheme, std::string_view secret) {
  if (secret.empty()) return fail(std::string("is empty"));
  if (scheme.secret_form == SecretForm::kBase64 && !decode_key(secret)) {
    return fail(std::string("is not base64, with or without whsec_ before it"));
  }
  if (scheme.kind == Scheme::Kind::kBasic && secret.find(':') == std::string_view::npos) {
    return fail(std::string("needs to be user:password"));
  }
  const auto printable = [](char c) { return c > 0x20 && c < 0x7f; };
  if (scheme.kind == Scheme::Kind::kToken && !std::all_of(secret.begin(), secret.end(), printable)) {
    return fail(std::string("holds a space or a character that a header cannot carry"));
  }
  return {};
}

}  // namespace hookspool::net
