// A condition over a webhook: what is kept of a source, and which rows a table gets.
//
//   /action in ["opened", "closed"] and not header:x-test exists
//   (./amount >= 100 or ../currency != "EUR") and /type starts_with "charge."
//
// A test is about a place in the body (JsonPlace) or a header. What is not there makes every test false, `!=` and `not in`
// as well; `not` of it is true. Strings are compared by their characters, numbers to the last digit, values of different
// kinds are unequal. A header is a string. CONFIGURATION.md has the language in full.
//
// Immutable once made, so thread-safe. Nothing here throws but std::bad_alloc.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/json/json.h"
#include "net/json/place.h"
#include "storage/model/result.h"

namespace hookspool::net {

inline constexpr std::size_t kConditionBytesMax = 4'096;
inline constexpr std::size_t kConditionDepthMax = 32;  // parentheses and `not` within each other

class Condition {
 public:
  // The error says where and what: "at character 9: ...".
  static Result<Condition, std::string> parse(std::string_view text);

  const std::string& text() const { return text_; }
  // What the tests are about, each once.
  const std::vector<JsonPlace>& places() const { return places_; }
  const std::vector<std::string>& headers() const { return headers_; }  // lower case

  // What was found there, in the order of places() and headers().
  struct Facts {
    std::span<const std::optional<JsonValue>> values;
    std::span<const std::optional<std::string>> headers;
  };
  bool holds(const Facts& facts) const { return holds(root_, facts); }
  bool operator==(const Condition& other) const { return text_ == other.text_; }

 private:
  friend class ConditionParser;
  enum class Operation {
    kExists,
    kEqual,
    kUnequal,
    kLess,
    kAtMost,
    kGreater,
    kAtLeast,
    kIn,
    kNotIn,
    kStartsWith
  };
  struct Literal {
    JsonKind kind = JsonKind::kNull;
    std::string text{};  // of a string its characters, of a number as it is written
  };
  struct Node {
    enum class Kind { kAll, kAny, kNot, kTest };
    Kind kind = Kind::kTest;
    std::vector<std::size_t> parts{};  // nodes
    bool of_header = false;
    std::size_t subject = 0;  // in places_ or headers_
    Operation operation = Operation::kExists;
    std::vector<Literal> literals{};
  };
  Condition() = default;
  bool holds(std::size_t node, const Facts& facts) const;
  // `text`: of a string its characters, of anything else as it is written.
  static bool test(const Node& node, JsonKind kind, std::string_view text);

  std::string text_;
  std::vector<JsonPlace> places_;
  std::vector<std::string> headers_;
  std::vector<Node> nodes_;
  std::size_t root_ = 0;
};

}  // namespace hookspool::net
