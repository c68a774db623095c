// A look at a configuration before it is parsed: the parser works by recursion and makes a table of each part of a key, so
// that a few hundred kilobytes of "a.a.a..." or "[[[[..." end the process. Pure function, thread-safe; time and memory
// grow with the text's length alone.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace hookspool::agent {

inline constexpr std::size_t kKeyPartsMax = 16;  // "a.b.c" has three
inline constexpr std::size_t kNestingMax = 16;   // lists and inline tables within each other

struct ConfigScanFault {
  std::size_t line = 1, column = 1;
  std::string what;
};

// Nothing: safe to parse, which says whether it is TOML.
std::optional<ConfigScanFault> scan_config(std::string_view text);

}  // namespace hookspool::agent
