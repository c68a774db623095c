#include "net/json/place.h"

#include "net/json/json.h"

namespace hookspool::net {
namespace {

bool begins_with_step(std::string_view text, std::string_view step) {
  return text.starts_with(step) && (text.size() == step.size() || text[step.size()] == '/');
}

}  // namespace

std::optional<JsonPlace> JsonPlace::parse(std::string_view text) {
  JsonPlace place;
  if (begins_with_step(text, ".")) {
    place.up = 0;
    text.remove_prefix(1);
  } else if (begins_with_step(text, "..")) {
    place.up = 1;
    text.remove_prefix(2);
    for (; begins_with_step(text, "/.."); text.remove_prefix(3)) ++place.up;
  } else if (!text.starts_with('/')) {
    return std::nullopt;
  }
  const auto pointer = JsonPointer::parse(text);
  if (!pointer) return std::nullopt;
  place.tokens = pointer->tokens();
  return place;
}

}  // namespace hookspool::net
