#include "net/verify/json_field.h"

#include <algorithm>
#include <utility>

namespace hookspool::net {
namespace {

constexpr std::string_view kEach = "/*";

std::optional<JsonScalar> scalar_of(const std::optional<JsonValue>& value) {
  if (!value || (value->kind != JsonKind::kString && value->kind != JsonKind::kNumber)) return std::nullopt;
  return JsonScalar{value->characters(Unfit::kKeep), value->kind == JsonKind::kString};
}

std::optional<JsonScalar> scalar_at(std::string_view json, std::string_view pointer) {
  const auto parsed = JsonPointer::parse(pointer);
  return parsed ? scalar_of(find_json(json, *parsed)) : std::nullopt;
}

std::optional<std::string> text_of(std::optional<JsonScalar> scalar) {
  if (!scalar) return std::nullopt;
  return std::move(scalar->characters);
}

std::optional<std::string> text_at(std::string_view json, std::string_view pointer) {
  return text_of(scalar_at(json, pointer));
}

// In their order; nothing at one that is malformed.
std::vector<std::optional<JsonValue>> values_at(std::string_view json,
                                                const std::vector<std::string>& pointers) {
  std::vector<JsonPointer> parsed;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < pointers.size(); ++i) {
    auto pointer = JsonPointer::parse(pointers[i]);
    if (!pointer) continue;
    parsed.push_back(std::move(*pointer));
    places.push_back(i);
  }
  std::vector<std::optional<JsonValue>> values(pointers.size());
  const auto found = find_json(json, parsed);
  for (std::size_t i = 0; i < found.size(); ++i) values[places[i]] = found[i];
  return values;
}

// Where in a pattern the first token "*" begins; npos: there is none.
std::size_t first_each(std::string_view pattern) {
  std::size_t at = pattern.find(kEach);
  while (at != std::string_view::npos && at + kEach.size() < pattern.size() &&
         pattern[at + kEach.size()] != '/')
    at = pattern.find(kEach, at + 1);
  return at;
}

// As deep as the pattern has tokens "*".
bool every(std::string_view json, std::string_view pattern,
           const std::function<bool(std::string_view)>& fits) {
  const std::size_t each = first_each(pattern);
  if (each == std::string_view::npos) {
    const auto text = text_at(json, pattern);
    return text && fits(*text);
  }
  const auto before = JsonPointer::parse(pattern.substr(0, each));
  const auto array = before ? find_json(json, *before) : std::nullopt;
  if (!array || array->kind != JsonKind::kArray) return false;
  bool any = false;
  bool all = true;
  each_element(*array, [&](const JsonValue& element) {
    any = true;
    all = every(element.raw, pattern.substr(each + kEach.size()), fits);
    return all;
  });
  return any && all;
}

}  // namespace

std::optional<std::string> json_field(std::string_view body, std::string_view pointer) {
  return text_at(body, pointer);
}

std::optional<JsonScalar> json_scalar(std::string_view body, std::string_view pointer) {
  return scalar_at(body, pointer);
}

std::optional<JsonScalar> JsonFields::scalar(std::string_view pointer) {
  const auto known = std::find(pointers_.begin(), pointers_.end(), pointer);
  if (known == pointers_.end()) return scalar_at(body_, pointer);
  if (!values_) values_ = values_at(body_, pointers_);
  return scalar_of((*values_)[static_cast<std::size_t>(known - pointers_.begin())]);
}

std::optional<std::string> JsonFields::text(std::string_view pointer) {
  return text_of(scalar(pointer));
}

bool every_json_field(std::string_view body, std::string_view pattern,
                      const std::function<bool(std::string_view)>& fits) {
  return first_each(pattern) != std::string_view::npos && every(body, pattern, fits);
}

bool is_json_pointer(std::string_view text) {
  return JsonPointer::parse(text).has_value();
}

}  // namespace hookspool::net
