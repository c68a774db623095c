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
    return value && test_header(at, *value);
  }
  const auto& value = facts.values[at.subject];
  return value && test(at, *value);
}

bool Condition::test(const Node& node, const JsonValue& value) {
  const auto equals = [&](const Literal& literal) {
    if (literal.kind != value.kind) return false;
    if (value.kind == JsonKind::kString) return value.characters() == literal.text;
    return value.kind != JsonKind::kNumber || compare_decimals(value.raw, literal.text) == 0;
  };
  const auto ordered = [&](auto&& fits) {
    return value.kind == JsonKind::kNumber && fits(compare_decimals(value.raw, node.literals.front().text));
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
      return value.kind == JsonKind::kString && value.characters().starts_with(node.literals.front().text);
  }
  return false;
}

bool Condition::test_header(const Node& node, const std::string& value) {
  const auto equals = [&](const Literal& literal) {
    return literal.kind == JsonKind::kString && literal.text == value;
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
    case Operation::kStartsWith:
      return value.starts_with(node.literals.front().text);
    case Operation::kLess:
    case Operation::kAtMost:
    case Operation::kGreater:
    case Operation::kAtLeast:
      break;  // the parser refuses these of a header
  }
  return false;
}

}  // namespace hookspool::net
