// Bodies as a hostile or careless sender might write them: duplicate keys in several spellings, byte order marks, numbers at
// every edge, halves of surrogate pairs, blanks, deep nesting, invalid UTF-8, cut and damaged texts. One seed, one sequence.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace hookspool::testing {

class HostileJson {
 public:
  explicit HostileJson(std::uint64_t seed) : random_(seed) {}
  std::string body();
  // Tokens of a pointer that may well hit something in a body: never an index that RFC 6901 and jsonb read differently.
  std::vector<std::string> pointer();

 private:
  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(random_() % limit); }
  bool one_in(std::size_t count) { return below(count) == 0; }
  std::string blanks();
  std::string key(std::size_t place);  // of the object's member of that place
  std::string number();
  std::string string();
  std::string value(int depth);
  std::string deep();
  void damage(std::string& body);

  std::mt19937_64 random_;
  bool tame_ = false;  // this body has few of the things that jsonb alters
};

}  // namespace hookspool::testing
