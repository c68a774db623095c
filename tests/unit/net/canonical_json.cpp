#include "tests/unit/net/canonical_json.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <utility>
#include <vector>

namespace hookspool::testing {
namespace {

class Canonical {
 public:
  Canonical(std::string_view text, Duplicates duplicates, bool lossy)
      : text_(text), duplicates_(duplicates), lossy_(lossy) {}

  std::string value() {
    blanks();
    std::string found = text_[at_] == '{'   ? object()
                        : text_[at_] == '[' ? array()
                        : text_[at_] == '"' ? string()
                                            : scalar();
    blanks();
    return found;
  }

 private:
  using Members = std::vector<std::pair<std::string, std::string>>;

  void blanks() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
      ++at_;
  }
  // Past a comma; false: past the closing bracket.
  bool more() { return text_[at_++] == ','; }
  bool empty(char closing) {
    ++at_;
    blanks();
    if (text_[at_] != closing) return false;
    ++at_;
    return true;
  }

  std::string array() {
    std::string all = "[";
    if (empty(']')) return "[]";
    do all += value() + ",";
    while (more());
    return all + "]";
  }

  std::string object() {
    Members members;
    if (empty('}')) return "{}";
    do {
      blanks();
      std::string key = string();
      blanks();
      ++at_;  // the colon
      std::string content = value();
      if (duplicates_ == Duplicates::kLastCounts)
        std::erase_if(members, [&](const auto& each) { return each.first == key; });
      members.emplace_back(std::move(key), std::move(content));
    } while (more());
    std::stable_sort(members.begin(), members.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    std::string all = "{";
    for (const auto& [key, content] : members) all += key + ":" + content + ",";
    return all + "}";
  }

  std::string scalar() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && std::string_view(",]} \t\r\n").find(text_[at_]) == std::string_view::npos)
      ++at_;
    const std::string_view word = text_.substr(begin, at_ - begin);
    return word[0] >= 'a' ? std::string(word) : number(word);
  }

  // 0.DIGITS times ten to the power of the exponent.
  std::string number(std::string_view word) const {
    const bool negative = word[0] == '-';
    if (negative) word.remove_prefix(1);
    long exponent = 0;
    if (const auto e = word.find_first_of("eE"); e != std::string_view::npos) {
      exponent = std::strtol(std::string(word.substr(e + 1)).c_str(), nullptr, 10);
      word = word.substr(0, e);
    }
    const auto point = std::min(word.find('.'), word.size());
    std::string digits(word.substr(0, point));
    exponent += static_cast<long>(digits.size());
    if (point < word.size()) digits += word.substr(point + 1);
    const auto first = digits.find_first_not_of('0');
    if (first == std::string::npos) return negative && !lossy_ ? "-0" : "0";
    digits.erase(0, first);
    digits.erase(digits.find_last_not_of('0') + 1);
    return (negative ? "-." : ".") + digits + "e" + std::to_string(exponent - static_cast<long>(first));
  }

  std::string string() {
    std::vector<std::uint32_t> units;
    for (++at_; text_[at_] != '"';) unit(units);
    ++at_;
    std::string all = "\"";
    for (std::size_t i = 0; i < units.size(); ++i) {
      const auto half = [&](std::size_t at, std::uint32_t first) {
        return at < units.size() && units[at] - first < 0x400;
      };
      const bool pair = half(i, 0xD800) && half(i + 1, 0xDC00);
      const bool unfit = units[i] == 0 || (!pair && (half(i, 0xD800) || half(i, 0xDC00)));
      all += std::to_string(lossy_ && unfit ? 0xFFFD : units[i]) + " ";
      if (pair) all += std::to_string(units[++i]) + " ";
    }
    return all + "\"";
  }

  void unit(std::vector<std::uint32_t>& units) {
    const auto c = static_cast<unsigned char>(text_[at_]);
    if (c == '\\') {
      const char kind = text_[at_ + 1];
      at_ += kind == 'u' ? 6 : 2;
      if (kind == 'u') {
        units.push_back(static_cast<std::uint32_t>(
            std::strtoul(std::string(text_.substr(at_ - 4, 4)).c_str(), nullptr, 16)));
        return;
      }
      const auto simple = std::string_view("bfnrt").find(kind);
      units.push_back(
          static_cast<unsigned char>(simple == std::string_view::npos ? kind : "\b\f\n\r\t"[simple]));
      return;
    }
    const std::size_t length = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    std::uint32_t code = length == 1 ? c : c & (0x7FU >> length);
    for (std::size_t i = 1; i < length; ++i)
      code = code << 6 | (static_cast<unsigned char>(text_[at_ + i]) & 0x3FU);
    at_ += length;
    if (code < 0x10000) {
      units.push_back(code);
      return;
    }
    units.push_back(0xD800 + ((code - 0x10000) >> 10));
    units.push_back(0xDC00 + ((code - 0x10000) & 0x3FF));
  }

  std::string_view text_;
  const Duplicates duplicates_;
  const bool lossy_;
  std::size_t at_ = 0;
};

}  // namespace

std::string canonical_json(std::string_view text, Duplicates duplicates, bool lossy) {
  return Canonical(text, duplicates, lossy).value();
}

}  // namespace hookspool::testing
