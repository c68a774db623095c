#include "net/json/key_register.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "net/json/characters.h"

namespace hookspool::net {
namespace {

constexpr std::size_t kFewKeys = 12;        // are compared each with each
constexpr std::size_t kMarkedKeys = 2'048;  // beyond, two of them share a mark too often

template <class Word>
Word load(std::string_view text, std::size_t at) {
  Word word = 0;
  std::memcpy(&word, text.data() + at, sizeof word);
  return word;
}

std::uint32_t hash_of(std::uint64_t entry) {
  return static_cast<std::uint32_t>(entry >> 32);
}

}  // namespace

// Of the length, the first, the middle and the last eight bytes: any hash that spreads will do, because nothing is believed
// on its word.
std::uint32_t KeyRegister::hash(std::string_view name) {
  constexpr std::uint64_t kFactor = 0x9E3779B97F4A7C15;
  const std::size_t size = name.size();
  std::uint64_t state = size * kFactor;
  if (size >= sizeof(std::uint64_t)) {
    const auto mix = [&](std::size_t at) { state = (state ^ load<std::uint64_t>(name, at)) * kFactor; };
    mix(0);
    if (size > 2 * sizeof(std::uint64_t)) mix(size / 2 - sizeof(std::uint32_t));
    state ^= state >> 32;
    mix(size - sizeof(std::uint64_t));
  } else if (size >= sizeof(std::uint32_t)) {
    const std::uint64_t begin = load<std::uint32_t>(name, 0);
    state = (state ^ begin << 32 ^ load<std::uint32_t>(name, size - sizeof(std::uint32_t))) * kFactor;
  } else if (size > 0) {
    const std::uint64_t begin = load<std::uint8_t>(name, 0);
    const std::uint64_t middle = load<std::uint8_t>(name, size / 2);
    state = (state ^ begin << 16 ^ middle << 8 ^ load<std::uint8_t>(name, size - 1)) * kFactor;
  }
  return static_cast<std::uint32_t>(state >> 32);
}

void KeyRegister::close() {
  const std::size_t begin = begins_.back();
  begins_.pop_back();
  const std::size_t count = entries_.size() - begin;
  if (!found_ && count > 1) {
    found_ = count <= kFewKeys ? few_have_twice(begin) : !marks_are_free(begin) && sorted_have_twice(begin);
  }
  entries_.resize(begin);
}

bool KeyRegister::few_have_twice(std::size_t begin) const {
  for (std::size_t i = begin + 1; i < entries_.size(); ++i) {
    for (std::size_t j = begin; j < i; ++j) {
      if (hash_of(entries_[i]) == hash_of(entries_[j])) return same_key_among(begin, entries_.size());
    }
  }
  return false;
}

// True: no two keys have a hash in common. False: perhaps.
bool KeyRegister::marks_are_free(std::size_t begin) {
  if (entries_.size() - begin > kMarkedKeys) return false;
  const auto word = [&](std::size_t i) -> std::uint64_t& {
    return marks_[hash_of(entries_[i]) / 64 % marks_.size()];
  };
  const auto bit = [&](std::size_t i) { return std::uint64_t{1} << hash_of(entries_[i]) % 64; };
  std::size_t i = begin;
  for (; i < entries_.size() && (word(i) & bit(i)) == 0; ++i) word(i) |= bit(i);
  const bool free = i == entries_.size();
  while (i-- > begin) word(i) = 0;
  return free;
}

bool KeyRegister::sorted_have_twice(std::size_t begin) {
  std::sort(entries_.begin() + static_cast<std::ptrdiff_t>(begin), entries_.end());
  for (std::size_t first = begin; first < entries_.size();) {
    std::size_t end = first + 1;
    while (end < entries_.size() && hash_of(entries_[end]) == hash_of(entries_[first])) ++end;
    if (end - first > 1 && same_key_among(first, end)) return true;
    first = end;
  }
  return false;
}

// Of the entries in [begin, end).
bool KeyRegister::same_key_among(std::size_t begin, std::size_t end) const {
  std::vector<std::string> keys;
  for (std::size_t i = begin; i < end; ++i) {
    const std::string_view rest = text_.substr(static_cast<std::uint32_t>(entries_[i]) + 1);
    std::size_t length = 0;
    while (rest[length] != '"') length += rest[length] == '\\' ? 2U : 1U;
    keys.push_back(unescaped(rest.substr(0, length), Unfit::kReplace));
  }
  std::sort(keys.begin(), keys.end());
  return std::adjacent_find(keys.begin(), keys.end()) != keys.end();
}

}  // namespace hookspool::net
