// Numbers of JSON compared to the last digit, as PostgreSQL's numeric compares them. Thread-safe: a pure function.
#pragma once

#include <compare>
#include <string_view>

namespace hookspool::net {

// REQUIRES: both are numbers by the grammar of JSON. 1, 1.0 and 10e-1 are equal, and so are 0 and -0. Exponents count up to
// 10^15 in either direction, far beyond what numeric holds.
std::strong_ordering compare_decimals(std::string_view left, std::string_view right);

}  // namespace hookspool::net
