// Bytes that no packing makes shorter, the same for the same seed: for tests of what bytes cost.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hookspool::testing {

// Printable, and without quotes and backslashes, so that it may stand in a JSON string.
inline std::string noise(std::uint64_t seed, std::size_t bytes) {
  constexpr std::string_view kLetters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
  std::uint64_t state = seed * 2 + 1;
  std::string text(bytes, '\0');
  for (char& letter : text) {
    state = state * 6364136223846793005u + 1442695040888963407u;  // Knuth's MMIX
    letter = kLetters[state >> 58];
  }
  return text;
}

}  // namespace hookspool::testing
