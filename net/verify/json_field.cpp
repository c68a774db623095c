#include "net/verify/json_field.h"

#include "net/json/json.h"

namespace hookspool::net {
namespace {

constexpr std::string_view kEach = "/*";

std::optional<JsonScalar> scalar_at(std::string_view json, std::string_view pointer) {
  const auto parsed = JsonPointer::parse(pointer);
  const auto value = parsed ? find_json(json, *parsed) : std::nullopt;
  if (!value || (value->kind != JsonKind::kString && value->kind != JsonKind::kNumber)) return std::nullopt;
  return JsonScalar{value->characters(Unfit::kKeep), value->kind == JsonKind::kString};
}

std::optional<std::string> text_at(std::string_view json, std::string_view pointer) {
  auto scalar = scalar_at(json, pointer);
  if (!scalar) return std::nullopt;
  return std::move(scalar->characters);
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

bool every_json_field(std::string_view body, std::string_view pattern,
                      const std::function<bool(std::string_view)>& fits) {
  return first_each(pattern) != std::string_view::npos && every(body, pattern, fits);
}

bool is_json_pointer(std::string_view text) {
  return JsonPointer::parse(text).has_value();
}

}  // namespace hookspool::net
