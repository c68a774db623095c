#include "net/json/follower.h"

#include <algorithm>

namespace hookspool::net {
JsonKind kind_of_json(char first) {
  switch (first) {
    case '{':
      return JsonKind::kObject;
    case '[':
      return JsonKind::kArray;
    case '"':
      return JsonKind::kString;
    case 't':
      return JsonKind::kTrue;
    case 'f':
      return JsonKind::kFalse;
    case 'n':
      return JsonKind::kNull;
    default:
      return JsonKind::kNumber;
  }
}

Follower::Follower(std::string_view text, std::span<const JsonPointer> pointers)
    : text_(text), paths_(pointers.size()), found_(pointers.size()) {
  std::size_t longest = 0;
  for (std::size_t i = 0; i < pointers.size(); ++i) {
    paths_[i].pointer = &pointers[i];
    longest = std::max(longest, pointers[i].tokens().size());
  }
  on_the_way_.resize(longest + 1);
  levels_.resize(longest + 1);
  on_the_way_[0] = paths_.size();
  for (const JsonPointer& pointer : pointers) {
    for (std::size_t token = 0; token < pointer.tokens().size(); ++token) {
      if (pointer.index(token) == JsonPointer::kNoIndex) continue;
      std::size_t& index_end = levels_[token + 1].index_end;
      index_end = std::max(index_end, pointer.index(token) + 1);
    }
  }
}

void Follower::key(int depth, std::string_view name) {
  const auto level = static_cast<std::size_t>(depth);
  any_here_ = false;
  for (Path& path : paths_) {
    if (path.entered != level) continue;
    path.here = path.pointer->tokens()[level - 1] == name;
    any_here_ = any_here_ || path.here;
  }
}

void Follower::begins(int depth, std::size_t at) {
  const auto level = static_cast<std::size_t>(depth);
  const bool is_element = levels_[level].is_array;
  const std::size_t index = levels_[level].next_index++;
  if (is_element) any_here_ = index < levels_[level].index_end;
  if (!any_here_) return;
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    Path& path = paths_[i];
    if (path.entered != level) continue;
    if (is_element) path.here = path.pointer->index(level - 1) == index;
    if (!path.here) continue;
    found_[i].reset();
    if (path.pointer->tokens().size() > level) continue;
    path.begin = at;
    ++open_;
  }
}

void Follower::ends(int depth, std::size_t at) {
  if (open_ == 0) return;
  const auto level = static_cast<std::size_t>(depth);
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    Path& path = paths_[i];
    if (path.entered != level || path.begin == kClosed) continue;
    found_[i] = JsonValue{kind_of_json(text_[path.begin]), text_.substr(path.begin, at - path.begin)};
    path.begin = kClosed;
    --open_;
  }
}

void Follower::opens(int depth, bool is_array) {
  if (!any_here_) return;
  const auto level = static_cast<std::size_t>(depth);
  for (Path& path : paths_) {
    if (path.entered + 1 != level || !path.here || path.pointer->tokens().size() < level) continue;
    path.entered = level;
    path.here = false;
    --on_the_way_[level - 1];
    ++on_the_way_[level];
    levels_[level].is_array = is_array;
    levels_[level].next_index = 0;
  }
  any_here_ = false;
}

void Follower::closes(int depth) {
  const auto level = static_cast<std::size_t>(depth);
  for (Path& path : paths_) {
    if (path.entered != level) continue;
    path.entered = level - 1;
    path.here = false;
    --on_the_way_[level];
    ++on_the_way_[level - 1];
  }
}

}  // namespace hookspool::net
