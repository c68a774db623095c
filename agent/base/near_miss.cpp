#include "agent/base/near_miss.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace hookspool::agent {
namespace {

// Levenshtein distance; keys are short, so the quadratic table costs nothing.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0u : 1u)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::string near_miss(std::string_view word, const std::vector<std::string>& known) {
  std::string best;
  std::size_t best_distance = word.size() / 2 + 1;  // further away is another word, not a slip
  for (const auto& candidate : known) {
    // "body_max" for "max_body_bytes": a part of the other counts as near.
    const std::size_t distance =
        candidate.find(word) != std::string::npos && word.size() > 3 ? 1 : edit_distance(word, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace hookspool::agent
