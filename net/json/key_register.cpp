#include "net/json/key_register.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "net/json/characters.h"

namespace hookspool::net {
namespace {

constexpr std::size_t kFewKeys = 12;        // are compared each with each
constexpr std::size_t kMarkedKeys = 2'048;  // beyond, two of them share a mark too often

std::uint32_t hash_of(std::uint64_t entry) {
  return static_cast<std::uint32_t>(entry >> 32);
}

}  // namespace

// Any that spreads will do: nothing is believed because of a hash.
std::uint32_t KeyRegister::hash(std::string_view name) {
  constexpr std::uint64_t kFactor = 0x9E3779B97F4A7C15;
  std::uint64_t state = name.size() * kFactor;
  std::uint64_t bytes = 0;
  while (name.size() >= sizeof bytes) {
    std::memcpy(&bytes, name.data(), sizeof bytes);
    state = (state ^ bytes) * kFactor;
    state ^= state >> 29;
    name.remove_prefix(sizeof bytes);
  }
  bytes = 0;
  for (const char c : name) bytes = bytes << 8 | static_cast<unsigned char>(c);
  state = (state ^ bytes) * kFactor;
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
  const auto mark = [&](std::size_t i) { return static_cast<std::size_t>(hash_of(entries_[i])) % kMarks; };
  std::size_t i = begin;
  while (i < entries_.size() && !marks_[mark(i)]) marks_.set(mark(i++));
  const bool free = i == entries_.size();
  while (i-- > begin) marks_.reset(mark(i));
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
