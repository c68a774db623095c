#include "net/json/json.h"

#include "net/json/follower.h"
#include "net/json/key_register.h"
#include "net/json/scanner.h"

namespace hookspool::net {
namespace {

std::string_view without_mark(std::string_view body) {
  return body.starts_with(kByteOrderMark) ? body.substr(kByteOrderMark.size()) : body;
}

}  // namespace

JsonReading read_json(std::string_view body) {
  JsonReading reading;
  reading.text = without_mark(body);
  reading.bom = reading.text.size() != body.size();
  if (reading.text.size() > kJsonBytesMax) {
    reading.refusal = "too_large";
    return reading;
  }
  KeyRegister keys(reading.text);
  scan_json(reading.text, reading, &keys, nullptr);
  reading.duplicate_key = keys.found();
  return reading;
}

std::vector<std::optional<JsonValue>> find_json(std::string_view body,
                                                std::span<const JsonPointer> pointers) {
  const std::string_view text = without_mark(body);
  if (text.size() > kJsonBytesMax) return std::vector<std::optional<JsonValue>>(pointers.size());
  Follower follower(text, pointers);
  JsonReading reading;
  scan_json(text, reading, nullptr, &follower);
  if (!reading.is_json) return std::vector<std::optional<JsonValue>>(pointers.size());
  return follower.take();
}

std::optional<JsonValue> find_json(std::string_view body, const JsonPointer& pointer) {
  return find_json(body, std::span(&pointer, 1)).front();
}

void each_element(const JsonValue& array, const std::function<bool(const JsonValue&)>& take) {
  scan_elements(array.raw, take);
}

}  // namespace hookspool::net
