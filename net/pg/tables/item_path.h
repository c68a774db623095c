// Which elements of a body become rows: "/entry/*/messaging/*" is each element of each list `messaging` in each element of
// the list `entry`, in the order of the document. Plain values, thread-safe.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/model/result.h"

namespace hookspool::net {

inline constexpr std::size_t kItemLevelsMax = 8;  // "*" of one path

class ItemPath {
 public:
  // A JSON pointer whose token "*" is every element of a list; it ends in one. The error says what is wrong.
  static Result<ItemPath, std::string> parse(std::string_view text);

  // How many "*" there are.
  std::size_t levels() const { return steps_.size(); }
  // The pointer to the list of a level: from the root for level 0, else from the element of the level before.
  const std::vector<std::string>& step(std::size_t level) const { return steps_[level]; }
  const std::string& text() const { return text_; }
  // "/entry/1/messaging/0": with an index for each "*". Fewer indexes: up to the list that comes next.
  std::string shown(std::span<const std::size_t> indexes) const;
  bool operator==(const ItemPath& other) const { return text_ == other.text_; }

 private:
  std::string text_;
  std::vector<std::vector<std::string>> steps_;
};

}  // namespace hookspool::net
