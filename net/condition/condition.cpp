#include "net/condition/condition.h"

#include <algorithm>

#include "net/condition/condition_parser.h"
#include "net/condition/decimal.h"

namespace hookspool::net {

Result<Condition, std::string> Condition::parse(std::string_view text) {
  return ConditionParser(text).parse();
}

// As deep as kConditionDepthMax.
bool Condition::holds(std::size_t node, const Facts& facts) const {
  const Node& at = nodes_[node];
  const auto part_holds = [&](std::size_t part) { return holds(part, facts); };
  switch (at.kind) {
    case Node::Kind::kAll:
      return std::all_of(at.parts.begin(), at.parts.end(), part_holds);
    case Node::Kind::kAny:
      return std::any_of(at.parts.begin(), at.parts.end(), part_holds);
    case Node::Kind::kNot:
      return !part_holds(at.parts.front());
    case Node::Kind::kTest:
      break;
  }
  if (at.of_header) {
    const auto& value = facts.headers[at.subject];
    return value && test(at, JsonKind::kString, *value);
  }
  const auto& value = facts.values[at.subject];
  if (!value) return false;
  if (value->kind != JsonKind::kString) return test(at, value->kind, value->raw);
  return test(at, value->kind, value->characters());
}

bool Condition::test(const Node& node, JsonKind kind, std::string_view text) {
  const auto equals = [&](const Literal& literal) {
    if (literal.kind != kind) return false;
    if (kind == JsonKind::kString) return text == literal.text;
    return kind != JsonKind::kNumber || compare_decimals(text, literal.text) == 0;
  };
  // The parser refuses these of a header.
  const auto ordered = [&](auto&& fits) {
    return kind == JsonKind::kNumber && fits(compare_decimals(text, node.literals.front().text));
  };
  switch (node.operation) {
    case Operation::kExists:
      return true;
    case Operation::kEqual:
    case Operation::kIn:
      return std::any_of(node.literals.begin(), node.literals.end(), equals);
    case Operation::kUnequal:
    case Operation::kNotIn:
      return std::none_of(node.literals.begin(), node.literals.end(), equals);
    case Operation::kLess:
      return ordered([](auto order) { return order < 0; });
    case Operation::kAtMost:
      return ordered([](auto order) { return order <= 0; });
    case Operation::kGreater:
      return ordered([](auto order) { return order > 0; });
    case Operation::kAtLeast:
      return ordered([](auto order) { return order >= 0; });
    case Operation::kStartsWith:
      return kind == JsonKind::kString && text.starts_with(node.literals.front().text);
  }
  return false;
}

}  // namespace hookspool::net
