#include "net/condition/condition_parser.h"

#include <algorithm>
#include <array>
#include <utility>

#include "storage/base/text.h"

namespace hookspool::net {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::string_view kWordEnds = " \t\r\n()[],=!<>\"'`";
constexpr std::string_view kHeaderPrefix = "header:";
constexpr std::string_view kWhatComesNext =
    "needs exists, =, !=, <, <=, >, >=, in [...], not in [...] or starts_with \"...\"";

// The place of `value` in `list`, where it is put if it is not there.
template <class T>
std::size_t place_in(std::vector<T>& list, T value) {
  const auto found = std::find(list.begin(), list.end(), value);
  if (found != list.end()) return static_cast<std::size_t>(found - list.begin());
  list.push_back(std::move(value));
  return list.size() - 1;
}

}  // namespace

Result<Condition, std::string> ConditionParser::parse() {
  if (text_.size() > kConditionBytesMax)
    return fail("is longer than " + std::to_string(kConditionBytesMax) + " bytes");
  made_.text_ = text_;
  const NodeIndex root = any();
  skip_blanks();
  if (root && at_ < text_.size()) refuse("needs and, or, or the end here");
  if (!fault_.empty()) return fail(std::move(fault_));
  made_.root_ = *root;
  return std::move(made_);
}

ConditionParser::NodeIndex ConditionParser::any() {
  return list_of(Node::Kind::kAny, "or", &ConditionParser::all);
}

ConditionParser::NodeIndex ConditionParser::all() {
  return list_of(Node::Kind::kAll, "and", &ConditionParser::negation);
}

ConditionParser::NodeIndex ConditionParser::list_of(Node::Kind kind, std::string_view word,
                                                    NodeIndex (ConditionParser::*part)()) {
  Node node;
  node.kind = kind;
  do {
    const NodeIndex next = (this->*part)();
    if (!next) return std::nullopt;
    node.parts.push_back(*next);
  } while (take_word(word));
  return node.parts.size() == 1 ? NodeIndex(node.parts.front()) : add(std::move(node));
}

ConditionParser::NodeIndex ConditionParser::negation() {
  if (take_word("not")) {
    const NodeIndex what = inner(&ConditionParser::negation);
    if (!what) return std::nullopt;
    Node node;
    node.kind = Node::Kind::kNot;
    node.parts = {*what};
    return add(std::move(node));
  }
  if (!take('(')) return test();
  const NodeIndex what = inner(&ConditionParser::any);
  if (what && !take(')')) {
    refuse("needs and, or, or the ) that closes");
    return std::nullopt;
  }
  return what;
}

ConditionParser::NodeIndex ConditionParser::inner(NodeIndex (ConditionParser::*part)()) {
  if (depth_ == kConditionDepthMax) {
    refuse("is nested more than " + std::to_string(kConditionDepthMax) + " deep");
    return std::nullopt;
  }
  ++depth_;
  const NodeIndex what = (this->*part)();
  --depth_;
  return what;
}

ConditionParser::NodeIndex ConditionParser::test() {
  Node node;
  if (!subject(node) || !operation(node)) return std::nullopt;
  return add(std::move(node));
}

// /a/b, ./a, ../a, the same between ` where it holds one of the characters that end a word, or header:name.
bool ConditionParser::subject(Node& node) {
  skip_blanks();
  const std::size_t begin = at_;
  std::string_view word = word_here();
  at_ += word.size();
  if (word.empty() && at_ < text_.size() && text_[at_] == '`') {
    const std::size_t end = text_.find('`', at_ + 1);
    if (end == std::string_view::npos) return refuse("has a ` that is not closed");
    word = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
  }
  if (word.starts_with(kHeaderPrefix)) {
    const std::string name = lower_case(word.substr(kHeaderPrefix.size()));
    if (name.empty()) return refuse_at(begin, "needs a header's name, as in header:x-github-event");
    node.of_header = true;
    node.subject = place_in(made_.headers_, name);
    return true;
  }
  if (word.empty() || (word[0] != '/' && word[0] != '.')) {
    return refuse_at(begin, (word.empty() ? "needs" : "\"" + std::string(word) + "\" is not") +
                                std::string(" a JSON pointer (/action), a header (header:x-name), not or ("));
  }
  auto place = JsonPlace::parse(word);
  if (!place)
    return refuse_at(
        begin, "\"" + std::string(word) + "\" is no JSON pointer: after ~ comes 0 (for ~) or 1 (for /)");
  node.subject = place_in(made_.places_, std::move(*place));
  return true;
}

bool ConditionParser::operation(Node& node) {
  constexpr std::array<std::pair<std::string_view, Operation>, 6> kSigns{{{"!=", Operation::kUnequal},
                                                                          {"<=", Operation::kAtMost},
                                                                          {">=", Operation::kAtLeast},
                                                                          {"=", Operation::kEqual},
                                                                          {"<", Operation::kLess},
                                                                          {">", Operation::kGreater}}};
  skip_blanks();
  const std::size_t begin = at_;
  for (const auto& [sign, operation] : kSigns) {
    if (!text_.substr(at_).starts_with(sign)) continue;
    at_ += sign.size();
    node.operation = operation;
    if (!literal(node)) return false;
    const bool orders = operation != Operation::kEqual && operation != Operation::kUnequal;
    if (orders && (node.of_header || node.literals.front().kind != JsonKind::kNumber))
      return refuse_at(begin, std::string(sign) + " compares numbers of the body only");
    return true;
  }
  if (take_word("exists")) {
    node.operation = Operation::kExists;
    return true;
  }
  if (take_word("starts_with")) {
    node.operation = Operation::kStartsWith;
    if (!literal(node)) return false;
    return node.literals.front().kind == JsonKind::kString || refuse_at(begin, "starts_with needs a string");
  }
  const bool negated = take_word("not");
  if (!take_word("in")) return refuse_at(begin, std::string(kWhatComesNext));
  node.operation = negated ? Operation::kNotIn : Operation::kIn;
  return literals(node);
}

bool ConditionParser::literals(Node& node) {
  if (!take('[')) return refuse("needs a list: in [\"one\", \"two\"]");
  do {
    if (!literal(node)) return false;
  } while (take(','));
  return take(']') || refuse("needs a comma, or the ] that closes the list");
}

bool ConditionParser::literal(Node& node) {
  skip_blanks();
  Condition::Literal& literal = node.literals.emplace_back();
  if (at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\'')) return quoted(literal, text_[at_]);
  const std::string_view word = word_here();
  const auto value = find_json(word, JsonPointer({}));
  const bool scalar = value && value->kind != JsonKind::kArray && value->kind != JsonKind::kObject;
  if (!scalar) return refuse("needs a string in quotes, a number, true, false or null");
  literal = {value->kind, std::string(word)};
  at_ += word.size();
  return true;
}

// "..." is a string of JSON, with its escapes; '...' is taken as it is.
bool ConditionParser::quoted(Condition::Literal& literal, char quote) {
  const std::size_t begin = at_;
  std::size_t end = begin + 1;
  while (end < text_.size() && text_[end] != quote) end += quote == '"' && text_[end] == '\\' ? 2U : 1U;
  if (end >= text_.size()) return refuse("has a " + std::string(1, quote) + " that is not closed");
  at_ = end + 1;
  literal.kind = JsonKind::kString;
  literal.text = text_.substr(begin + 1, end - begin - 1);
  if (quote == '\'') return true;
  const auto value = find_json(text_.substr(begin, at_ - begin), JsonPointer({}));
  if (!value) return refuse_at(begin, "is no string as JSON has them");
  literal.text = value->characters();
  return true;
}

ConditionParser::NodeIndex ConditionParser::add(Node node) {
  made_.nodes_.push_back(std::move(node));
  return made_.nodes_.size() - 1;
}

void ConditionParser::skip_blanks() {
  at_ = std::min(text_.find_first_not_of(kBlanks, at_), text_.size());
}

bool ConditionParser::take(char c) {
  skip_blanks();
  if (at_ == text_.size() || text_[at_] != c) return false;
  ++at_;
  return true;
}

bool ConditionParser::take_word(std::string_view word) {
  skip_blanks();
  if (word_here() != word) return false;
  at_ += word.size();
  return true;
}

std::string_view ConditionParser::word_here() const {
  const std::size_t end = std::min(text_.find_first_of(kWordEnds, at_), text_.size());
  return text_.substr(at_, end - at_);
}

bool ConditionParser::refuse(std::string what) {
  return refuse_at(at_, std::move(what));
}

bool ConditionParser::refuse_at(std::size_t at, std::string what) {
  if (fault_.empty()) fault_ = "at character " + std::to_string(at + 1) + ": " + std::move(what);
  return false;
}

}  // namespace hookspool::net
