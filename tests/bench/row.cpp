#include "tests/bench/row.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace hookspool::bench {
namespace {

std::string with_unit(std::string text, const std::string& unit) {
  return unit.empty() ? text : text + " " + unit;
}

}  // namespace

bool Row::met() const {
  if (!failed.empty() || value.count == 0) return false;
  return bound == Bound::kAtLeast ? value.median >= goal : value.median <= goal;
}

std::string_view verdict(const Row& row) {
  if (!row.left_out.empty()) return "left out";
  if (!row.failed.empty() || row.value.count == 0) return "FAILED";
  return row.met() ? "met" : "NOT MET";
}

std::string number_text(double value) {
  char text[64];
  const double size = std::abs(value);
  if (size >= 1000) {
    std::snprintf(text, sizeof text, "%.0f", value);
    std::string grouped = text;
    const std::size_t digits_begin = value < 0 ? 1 : 0;
    for (std::size_t at = grouped.size(); at > digits_begin + 3; at -= 3) grouped.insert(at - 3, 1, ',');
    return grouped;
  }
  const int decimals = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  std::snprintf(text, sizeof text, "%.*f", size == 0 ? 0 : decimals, value);
  return text;
}

std::string spread_text(const Spread& spread) {
  return spread_text(spread, "");
}

std::string spread_text(const Spread& spread, const std::string& unit) {
  if (spread.count == 0) return "-";
  const std::string middle = with_unit(number_text(spread.median), unit);
  if (spread.count == 1) return middle;
  return middle + " (" + number_text(spread.least) + ".." + number_text(spread.most) + ")";
}

std::string goal_text(const Row& row) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", row.goal);
  return (row.bound == Bound::kAtLeast ? ">= " : "<= ") + with_unit(text, row.unit);
}

}  // namespace hookspool::bench
