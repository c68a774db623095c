// Texts for people. Thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hookspool::net {

// Several lines of libpq or a server as one: no line breaks, tabs or trailing blanks.
std::string one_line(std::string_view text);
// What a server says, which may quote what a client sent: one line, escaped and shortened (storage/model/printable.h).
inline constexpr std::size_t kServerTextBytesMax = 1024;
std::string server_text(std::string_view text);

std::string joined(const std::vector<std::string>& words, std::string_view between);

}  // namespace hookspool::net
