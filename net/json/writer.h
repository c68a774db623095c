// Writes JSON. Pure functions, thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace hookspool::net {

// Appends a JSON string of `text`, which is UTF-8 and may hold any character, U+0000 as well.
void append_json_string(std::string& out, std::string_view text);

}  // namespace hookspool::net
