// How an event of the agent's answers is written for people: escaped, and one line where it is one of many. `Json` is the JSON
// library's type, which headers do not include. Pure functions, thread-safe.
#pragma once

#include <cstddef>
#include <string>

#include "storage/base/hex.h"
#include "storage/model/printable.h"

namespace hookspool::agent {

inline constexpr std::size_t kFieldBytesMax = 4096;  // of one that is shown alone

// A member as text: a string as it is, null and what is not there as nothing, anything else as JSON.
template <class Json>
std::string field(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || found->is_null()) return "";
  return found->is_string() ? found->template get<std::string>() : found->dump();
}

// The same for a terminal.
template <class Json>
std::string shown(const Json& json, const char* key, std::size_t bytes_max = kFieldBytesMax) {
  return printable(field(json, key), bytes_max);
}

// The body's bytes.
template <class Json>
std::string body_of(const Json& event) {
  const auto hex = event.find("body_hex");
  if (hex == event.end()) return event.value("body", "");
  return decode_hex(hex->template get<std::string>()).value_or("");
}

}  // namespace hookspool::agent
