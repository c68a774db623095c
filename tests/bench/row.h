// What the bench says: a row is one goal and what was measured for it. Plain values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/figures.h"

namespace hookspool::bench {

enum class Bound { kAtLeast, kAtMost };

// A quantity that went into a row: ours, a peer's, or a part of one.
struct Figure {
  std::string name;
  std::string unit;
  Spread spread;
};

struct Row {
  std::string key;  // `./dev bench KEY` measures this row alone
  std::string what;
  Bound bound = Bound::kAtLeast;
  double goal = 0;
  std::string unit;  // of goal and value; "x" for a ratio
  Spread value;
  std::vector<Figure> figures;
  std::vector<std::string> notes;
  std::string failed;    // why there is no value, or why it does not count; empty: it does
  std::string left_out;  // what it needs and this machine has not; then it is no goal of this run

  // The median against the goal.
  bool met() const;
};

std::string_view verdict(const Row& row);  // "met", "NOT MET", "FAILED", "left out"

// "0.664", "20,717", "3.53": three digits that count, and whole numbers in groups of three.
std::string number_text(double value);
std::string spread_text(const Spread& spread);  // "20,717 (20,102..21,340)"; "-" where nothing was measured
// The same with the unit after the median: "0.66 x (0.64..0.67)".
std::string spread_text(const Spread& spread, const std::string& unit);
std::string goal_text(const Row& row);  // ">= 0.75", "<= 12 MiB"

}  // namespace hookspool::bench
