#include "net/json/key_register.h"

#include <algorithm>
#include <cstring>
#include <random>
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

std::uint64_t random_word() {
  std::random_device random;
  return std::uint64_t{random()} << 32 | random();
}

__extension__ using Wide = unsigned __int128;

std::uint64_t folded_product(std::uint64_t a, std::uint64_t b) {
  const Wide product = Wide{a} * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint32_t hash_of(std::uint64_t entry) {
  return static_cast<std::uint32_t>(entry >> 32);
}

}  // namespace

// In the manner of wyhash: two secret words of this process, so that a sender cannot make keys that collide.
std::uint32_t KeyRegister::hash(std::string_view name) {
  static const std::uint64_t kSecret = random_word();
  static const std::uint64_t kOther = random_word();
  constexpr std::size_t kHalf = sizeof(std::uint64_t);
  std::uint64_t state = kOther ^ name.size();
  for (; name.size() > 2 * kHalf; name.remove_prefix(2 * kHalf)) {
    state = folded_product(load<std::uint64_t>(name, 0) ^ kSecret, load<std::uint64_t>(name, kHalf) ^ state);
  }
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  if (name.size() >= kHalf) {
    first = load<std::uint64_t>(name, 0);
    last = load<std::uint64_t>(name, name.size() - kHalf);
  } else if (name.size() >= kHalf / 2) {
    first = load<std::uint32_t>(name, 0);
    last = load<std::uint32_t>(name, name.size() - kHalf / 2);
  } else if (!name.empty()) {
    first = std::uint64_t{load<std::uint8_t>(name, 0)} << 8 | load<std::uint8_t>(name, name.size() / 2);
    last = load<std::uint8_t>(name, name.size() - 1);
  }
  return static_cast<std::uint32_t>(folded_product(first ^ kSecret, last ^ state));
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

bool KeyRegister::few_have_twice(std::size_t begin) {
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

// Of the entries in [begin, end), whose order is of no use any more. First among some, then among twice as many: where
// nearly all are the same that is enough.
bool KeyRegister::same_key_among(std::size_t begin, std::size_t end) {
  const auto before = [&](std::uint64_t a, std::uint64_t b) { return compare(a, b) < 0; };
  const auto same = [&](std::uint64_t a, std::uint64_t b) { return compare(a, b) == 0; };
  const auto first = entries_.begin() + static_cast<std::ptrdiff_t>(begin);
  for (std::size_t count = kFewKeys;; count *= 2) {
    const auto last = first + static_cast<std::ptrdiff_t>(std::min(count, end - begin));
    std::sort(first, last, before);
    if (std::adjacent_find(first, last, same) != last) return true;
    if (count >= end - begin) return false;
  }
}

int KeyRegister::compare(std::uint64_t a, std::uint64_t b) const {
  const std::string_view left = inside(a);
  const std::string_view right = inside(b);
  if (left.find('\\') == std::string_view::npos && right.find('\\') == std::string_view::npos)
    return left.compare(right);
  return unescaped(left, Unfit::kReplace).compare(unescaped(right, Unfit::kReplace));
}

// What stands between the quotes of an entry's key.
std::string_view KeyRegister::inside(std::uint64_t entry) const {
  const std::string_view rest = text_.substr(static_cast<std::uint32_t>(entry) + 1);
  std::size_t length = 0;
  while (rest[length] != '"') length += rest[length] == '\\' ? 2U : 1U;
  return rest.substr(0, length);
}

}  // namespace hookspool::net
