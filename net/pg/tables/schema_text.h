// SQL that is written down with a place for the schema's name, which the configuration decides. Thread-safe: no state.
#pragma once

#include <string>
#include <string_view>

namespace hookspool::net {

// In `text` S. stands for the schema, also within a string ('S.events'), and $f$ for what quotes the body of a function.
std::string with_schema(std::string_view text, const std::string& schema);

}  // namespace hookspool::net
