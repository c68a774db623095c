// What a JSON text means, written in one way: for telling whether two texts hold the same, by rules that are written down
// here once more and use none of the product's code. Objects become lists of their members by key; numbers their digits
// and exponent, with the sign of zero; strings their UTF-16 code units. Duplicate keys stay, in their order.
//
// REQUIRES of both functions: a text that PostgreSQL has taken as json. Recursive: not for texts of thousands of levels.
#pragma once

#include <string>
#include <string_view>

namespace hookspool::testing {

enum class Duplicates { kStay, kLastCounts };

// `lossy`: as jsonb holds it: the sign of zero is gone, \u0000 and halves of surrogate pairs are U+FFFD.
std::string canonical_json(std::string_view text, Duplicates duplicates, bool lossy);

}  // namespace hookspool::testing
