// Finds out whether a key occurs twice in one object, whatever a hostile body holds: 8 bytes a member of the objects that
// are open (three times that while a vector grows), and n log n steps for n members. Hashes only find candidates, the keys
// themselves are compared, and which keys hash alike cannot be foreseen by a sender. Not thread-safe: one for each reading.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace hookspool::net {

class KeyRegister {
 public:
  // `text`: what is read; at most kJsonBytesMax.
  explicit KeyRegister(std::string_view text) : text_(text) {}

  // REQUIRES: objects are nested at most `kJsonDepthMax` deep. Each is closed before the one it lies in.
  void open() { begins_.push_back(entries_.size()); }
  void close();
  // The key whose opening quote stands at `at`; `name` is it unescaped.
  void key(std::size_t at, std::string_view name) {
    if (!found_) entries_.push_back(std::uint64_t{hash(name)} << 32 | at);
  }
  bool found() const { return found_; }

 private:
  static std::uint32_t hash(std::string_view name);
  bool few_have_twice(std::size_t begin);
  bool marks_are_free(std::size_t begin);
  bool sorted_have_twice(std::size_t begin);
  bool same_key_among(std::size_t begin, std::size_t end);
  int compare(std::uint64_t a, std::uint64_t b) const;
  std::string_view inside(std::uint64_t entry) const;

  std::string_view text_;
  std::vector<std::uint64_t> entries_;  // hash and place of each key of the open objects, the innermost last
  std::vector<std::size_t> begins_;     // of each open object, its first entry
  std::array<std::uint64_t, 256> marks_{};  // a bit each, by hash; all clear between calls
  bool found_ = false;
};

}  // namespace hookspool::net
