#include "agent/config/config_condition.h"

#include <utility>

namespace hookspool::agent {

std::optional<net::Condition> read_condition(TableReader& reader, std::string_view key, std::size_t levels) {
  std::string text;
  if (!reader.text(key, text)) return std::nullopt;
  auto condition = net::Condition::parse(text);
  if (!condition) {
    reader.fault(key, condition.error());
    return std::nullopt;
  }
  for (const auto& place : condition->places()) {
    if (!place.is_relative() || place.up < levels) continue;
    reader.fault(
        key, levels == 0
                 ? "has a pointer that begins with a dot, which is relative to an element of for_each; from "
                   "the root it begins with /"
                 : "has a pointer that goes above the outermost element of for_each");
    return std::nullopt;
  }
  return std::move(*condition);
}

}  // namespace hookspool::agent
