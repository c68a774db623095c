// What a mistyped word was probably meant to be. Thread-safe: a pure function.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hookspool::agent {

// The known word nearest to `word`, or empty when none is near enough to be what was meant.
std::string near_miss(std::string_view word, const std::vector<std::string>& known);

}  // namespace hookspool::agent
