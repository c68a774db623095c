// A place in a body: a JSON pointer from its root, or, where a list is taken apart, from one of its elements. Plain values,
// thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hookspool::net {

struct JsonPlace {
  static constexpr std::size_t kFromRoot = static_cast<std::size_t>(-1);
  // 0: from the element in hand; 1: from the element of the next outer list that it lies in; and so on.
  std::size_t up = kFromRoot;
  std::vector<std::string> tokens{};  // of the pointer, unescaped

  // "/a/b" from the root; "." and "./a" the element in hand; ".." and "../a" the one around it; "../../a" and so on. Nothing
  // where it is malformed.
  static std::optional<JsonPlace> parse(std::string_view text);
  bool is_relative() const { return up != kFromRoot; }
  bool operator==(const JsonPlace&) const = default;
};

}  // namespace hookspool::net
