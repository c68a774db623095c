#include "agent/intake/event_headers.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "net/json/writer.h"
#include "storage/base/text.h"

namespace hookspool::agent {
namespace {

constexpr std::size_t kJsonBytesAround = 6;  // a header: quotes, colon, comma

constexpr std::array<std::string_view, 3> kCredentials{"authorization", "proxy-authorization", "cookie"};

bool is_credential(std::string_view name, std::span<const std::string> credentials) {
  return std::find(kCredentials.begin(), kCredentials.end(), name) != kCredentials.end() ||
         std::find(credentials.begin(), credentials.end(), name) != credentials.end();
}

}  // namespace

std::string utf8_text(std::string_view bytes) {
  if (is_utf8(bytes)) return std::string(bytes);
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      text += c;
    } else {
      text += static_cast<char>(0xc0 | (byte >> 6));
      text += static_cast<char>(0x80 | (byte & 0x3f));
    }
  }
  return text;
}

std::string json_text(std::string_view text) {
  return nlohmann::json(std::string(text)).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::optional<std::string> stored_header(const HeaderList& headers, std::string_view name,
                                         std::span<const std::string> credentials) {
  if (is_credential(name, credentials)) return std::nullopt;
  std::optional<std::string> all;
  for (const auto& [each, value] : headers) {
    if (each != name) continue;
    all = all ? *all + ", " + utf8_text(value) : utf8_text(value);
  }
  return all;
}

// Written as it goes: a tree of it would take four times as long, for every event.
std::string headers_as_json(const HeaderList& headers, std::span<const std::string> credentials) {
  std::vector<const HeaderList::value_type*> kept;
  kept.reserve(headers.size());
  std::size_t bytes = 2;
  for (const auto& header : headers) {
    if (is_credential(header.first, credentials)) continue;
    kept.push_back(&header);
    bytes += header.first.size() + header.second.size() + kJsonBytesAround;
  }
  std::stable_sort(kept.begin(), kept.end(),
                   [](const auto* one, const auto* other) { return one->first < other->first; });
  std::string json;
  json.reserve(bytes);
  for (auto begin = kept.begin(); begin != kept.end();) {
    const std::string& name = (*begin)->first;
    const auto end = std::find_if(begin, kept.end(), [&](const auto* each) { return each->first != name; });
    json += json.empty() ? '{' : ',';
    net::append_json_string(json, name);
    json += ':';
    const bool is_list = end - begin > 1;
    for (char before = '['; begin != end; ++begin, before = ',') {
      if (is_list) json += before;
      net::append_json_string(json, utf8_text((*begin)->second));
    }
    if (is_list) json += ']';
  }
  return json.empty() ? "{}" : std::move(json) + '}';
}

}  // namespace hookspool::agent
