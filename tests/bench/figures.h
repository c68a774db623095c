// The bench's arithmetic: what several measurements of one thing come to. Pure functions; units are the caller's.
#pragma once

#include <cstddef>
#include <vector>

namespace hookspool::bench {

struct Spread {
  double median = 0;
  double least = 0;
  double most = 0;
  std::size_t count = 0;  // measurements; 0: nothing was measured, and the rest means nothing
};

// The middle one, or the mean of the two in the middle; 0 of none.
double median(std::vector<double> values);

// The smallest value that a share `q` (0 to 1) of all values does not exceed (nearest rank); 0 of none.
double quantile(std::vector<double> values, double q);

Spread spread_of(const std::vector<double>& values);

// ours[i] / theirs[i] for each round: what was measured in turn is compared in turn, so that what else the machine
// does meanwhile falls on both. Rounds that one of them lacks, and those with a 0 below, count for nothing.
std::vector<double> ratios(const std::vector<double>& ours, const std::vector<double>& theirs);

// Whether a count that is read at even distances grows without end, or only varies: from the first reading to the last it
// has risen by more than `share` of `passed`, the events that went through meanwhile, and by more than `in_flight`, which
// are always on their way.
bool grows(const std::vector<double>& readings, double passed, double share, double in_flight);

}  // namespace hookspool::bench
