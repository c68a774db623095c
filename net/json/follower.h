// Follows JSON pointers through a text while it is read: called where values begin and end, it notes those that lie at the
// end of a pointer. A member that comes once more takes the place of all that was found through the earlier one. Not
// thread-safe: one for each reading.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "net/json/json.h"

namespace hookspool::net {

JsonKind kind_of_json(char first);

class Follower {
 public:
  Follower(std::string_view text, std::span<const JsonPointer> pointers);

  // `depth`: how many arrays and objects are open around it. Only asked where watches(depth).
  bool watches(int depth) const {
    return static_cast<std::size_t>(depth) < on_the_way_.size() &&
           on_the_way_[static_cast<std::size_t>(depth)] > 0;
  }
  void key(int depth, std::string_view name);
  void begins(int depth, std::size_t at);
  void ends(int depth, std::size_t at);
  // What begins() was called for is an array or an object, whose values lie at `depth`.
  void opens(int depth, bool is_array);
  void closes(int depth);

  std::vector<std::optional<JsonValue>> take() { return std::move(found_); }

 private:
  static constexpr std::size_t kClosed = static_cast<std::size_t>(-1);
  struct Path {
    const JsonPointer* pointer = nullptr;
    std::size_t entered = 0;      // so many levels of what is open now are on its way
    bool here = true;             // what begins next is on its way, if all around it is
    std::size_t begin = kClosed;  // of the value at its end, while that is open
  };

  std::string_view text_;
  std::vector<Path> paths_;
  std::vector<std::optional<JsonValue>> found_;
  std::vector<std::size_t> on_the_way_;  // by depth: how many paths have entered exactly so many levels
  struct Level {
    bool is_array = false;
    std::size_t next_index = 0;
    std::size_t index_end = 0;  // behind the last element that any pointer asks for
  };
  bool any_here_ = true;       // false: no path's `here` counts
  std::size_t open_ = 0;       // values at the end of a path that have begun and not ended
  std::vector<Level> levels_;  // by depth: of the innermost array or object there, if it is on a way
};

}  // namespace hookspool::net
