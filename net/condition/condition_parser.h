// Reads the text of a condition. Internal to net/condition. Not thread-safe: one for each text.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "net/condition/condition.h"

namespace hookspool::net {

// Each function reads one part of the grammar from at_ on and answers its node; nothing once there is a fault.
//
//   any  = all { "or" all }
//   all  = not { "and" not }
//   not  = "not" not | "(" any ")" | subject test
//   test = "exists" | ("=" | "!=" | "<" | "<=" | ">" | ">=") literal | "starts_with" string | ["not"] "in" "[" literals "]"
class ConditionParser {
 public:
  // `text` must outlive this.
  explicit ConditionParser(std::string_view text) : text_(text) {}
  Result<Condition, std::string> parse();

 private:
  using Node = Condition::Node;
  using NodeIndex = std::optional<std::size_t>;
  using Operation = Condition::Operation;

  NodeIndex any();
  NodeIndex all();
  NodeIndex list_of(Node::Kind kind, std::string_view word, NodeIndex (ConditionParser::*part)());
  NodeIndex negation();
  NodeIndex inner(NodeIndex (ConditionParser::*part)());
  NodeIndex test();
  bool subject(Node& node);
  bool operation(Node& node);
  bool literals(Node& node);
  bool literal(Node& node);
  bool quoted(Condition::Literal& literal, char quote);

  NodeIndex add(Node node);
  void skip_blanks();
  bool take(char c);
  bool take_word(std::string_view word);
  std::string_view word_here() const;  // up to a blank or one of ()[],=!<>
  bool refuse(std::string what);       // false
  bool refuse_at(std::size_t at, std::string what);

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  std::string fault_;
  Condition made_;
};

}  // namespace hookspool::net
