#include "net/pg/tables/item_path.h"

#include <utility>

#include "net/json/json.h"

namespace hookspool::net {

Result<ItemPath, std::string> ItemPath::parse(std::string_view text) {
  constexpr std::string_view kEvery = "*";
  const auto pointer = JsonPointer::parse(text);
  if (!pointer) {
    return fail(std::string(text.starts_with('/') ? "is no JSON pointer: after ~ comes 0 (for ~) or 1 (for /)"
                                                  : "begins with /, as in \"/entry/*/messaging/*\""));
  }
  ItemPath path;
  path.text_ = text;
  std::vector<std::string> step;
  for (const std::string& token : pointer->tokens()) {
    if (token != kEvery) {
      step.push_back(token);
    } else {
      path.steps_.push_back(std::exchange(step, {}));
    }
  }
  if (path.steps_.empty() || !step.empty()) {
    return fail(std::string("ends in /*, which is every element of a list, as in \"/entry/*/messaging/*\""));
  }
  if (path.levels() > kItemLevelsMax)
    return fail("has more than " + std::to_string(kItemLevelsMax) + " levels (*)");
  return path;
}

std::string ItemPath::shown(std::span<const std::size_t> indexes) const {
  std::string out;
  for (std::size_t level = 0; level < steps_.size() && level <= indexes.size(); ++level) {
    for (const std::string& token : steps_[level]) out += "/" + token;
    if (level < indexes.size()) out += "/" + std::to_string(indexes[level]);
  }
  return out;
}

}  // namespace hookspool::net
