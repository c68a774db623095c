// One value out of a JSON text, without building a tree of the rest: a number keeps every digit it was sent with.
// Immutable once made, so thread-safe; the text it is made from must outlive it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hookspool::net {

// A body or header object, made fit for text columns: \u0000 and lone surrogates are U+FFFD. A text that jsonb would
// not take holds nothing.
class JsonText {
 public:
  explicit JsonText(std::string_view body);
  // The JSON whole; nothing where the body is none.
  std::optional<std::string_view> whole() const;
  // A string's characters; a number, true or false as written; an object or array as its JSON. Nothing for null and
  // for what is not there. Of several members with one name the last counts, as in jsonb.
  std::optional<std::string> at(const std::vector<std::string>& pointer) const;

 private:
  std::optional<std::string> altered_;
  std::string_view text_;
  bool is_json_ = false;
};

}  // namespace hookspool::net
