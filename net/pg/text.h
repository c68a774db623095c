// Texts for people. Thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hookspool::net {

// Several lines of libpq or a server as one: no line breaks, tabs or trailing blanks.
std::string one_line(std::string_view text);

std::string joined(const std::vector<std::string>& words, std::string_view between);

}  // namespace hookspool::net
