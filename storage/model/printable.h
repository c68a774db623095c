// Text of unknown origin, made fit for a terminal, the log and messages. What would act on a terminal or hide what is
// written is escaped: C0 and C1 controls, DEL, the bidirectional controls, line and paragraph separators, invisible
// characters, and bytes that are no UTF-8. Everything else stays as it is, so that doing it twice changes nothing.
// Pure functions, thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hookspool {

inline constexpr std::size_t kPrintableBytesMax = 200;

// One line of at most `bytes_max` bytes and "..." where it was cut: "\n", "\t", "\x1b", "\u202e".
std::string printable(std::string_view text, std::size_t bytes_max = kPrintableBytesMax);
// The same, but line feeds and tabs stay: for text that is meant to have several lines, such as SQL.
std::string printable_lines(std::string_view text, std::size_t bytes_max);

}  // namespace hookspool
