// The inside of a JSON string. Pure functions, thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "net/json/json.h"

namespace hookspool::net {

inline constexpr std::size_t kUnicodeEscapeBytes = 6;  // \uXXXX

// The UTF-16 code unit of the escape \uXXXX at `at` in `text`; -1: there is none.
int code_unit_at(std::string_view text, std::size_t at);

inline bool is_high_surrogate(int unit) {
  return unit >= 0xD800 && unit <= 0xDBFF;
}
inline bool is_low_surrogate(int unit) {
  return unit >= 0xDC00 && unit <= 0xDFFF;
}

// `inside`: what stands between the quotes of a string that has been read as JSON.
std::string unescaped(std::string_view inside, Unfit unfit);

}  // namespace hookspool::net
