#include "agent/intake/event_headers.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "storage/base/text.h"

namespace hookspool::agent {
namespace {

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

std::string headers_as_json(const HeaderList& headers, std::span<const std::string> credentials) {
  nlohmann::json object = nlohmann::json::object();
  for (const auto& [name, value] : headers) {
    if (is_credential(name, credentials)) continue;
    auto& slot = object[name];
    if (slot.is_null()) {
      slot = utf8_text(value);
    } else {
      if (slot.is_string()) slot = nlohmann::json::array({slot});
      slot.push_back(utf8_text(value));
    }
  }
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace hookspool::agent
