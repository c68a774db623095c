#include "net/condition/decimal.h"

#include <algorithm>
#include <cstdint>
#include <string>

namespace hookspool::net {
namespace {

constexpr std::int64_t kExponentMost = 1'000'000'000'000'000;

// 0.DIGITS times ten to the power of `point`; no digits: zero.
struct Decimal {
  bool negative = false;
  std::string digits;  // without zeros at either end
  std::int64_t point = 0;
};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::int64_t exponent_of(std::string_view text) {
  const bool down = text.starts_with('-');
  std::int64_t exponent = 0;
  for (const char c : text) {
    if (is_digit(c)) exponent = std::min(kExponentMost, exponent * 10 + (c - '0'));
  }
  return down ? -exponent : exponent;
}

Decimal decimal_of(std::string_view text) {
  Decimal out;
  out.negative = text.starts_with('-');
  if (out.negative) text.remove_prefix(1);
  bool in_fraction = false;
  for (; !text.empty() && (is_digit(text[0]) || text[0] == '.'); text.remove_prefix(1)) {
    if (text[0] == '.') {
      in_fraction = true;
      continue;
    }
    if (!in_fraction) ++out.point;
    if (text[0] == '0' && out.digits.empty()) {
      --out.point;
    } else {
      out.digits += text[0];
    }
  }
  out.digits.resize(out.digits.find_last_not_of('0') + 1);
  if (!text.empty()) out.point += exponent_of(text.substr(1));
  if (out.digits.empty()) out = {};
  return out;
}

}  // namespace

std::strong_ordering compare_decimals(std::string_view left, std::string_view right) {
  const Decimal a = decimal_of(left), b = decimal_of(right);
  const auto sign = [](const Decimal& d) { return d.digits.empty() ? 0 : d.negative ? -1 : 1; };
  if (sign(a) != sign(b)) return sign(a) <=> sign(b);
  const Decimal &lower = a.negative ? b : a, &upper = a.negative ? a : b;
  if (lower.point != upper.point) return lower.point <=> upper.point;
  return lower.digits.compare(upper.digits) <=> 0;
}

}  // namespace hookspool::net
