// Single values out of a body that anybody may have sent: read as a stream, so that no tree of it is ever built and
// its depth costs a bit a level. Pure functions, thread-safe.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace hookspool::net {

// The first text or number at a JSON pointer (RFC 6901), a whole number with the digits it was sent with; the rest is
// not read. Nothing where there is none or the body is no JSON up to there.
std::optional<std::string> json_field(std::string_view body, std::string_view pointer);

// "/value/*/clientState": does every element of the array `value` have a text at clientState, one at least be there,
// and `fits` every such text? The whole body has to be JSON.
bool every_json_field(std::string_view body, std::string_view pattern,
                      const std::function<bool(std::string_view)>& fits);

// "" or "/a/b~1c": may it be given to the functions above?
bool is_json_pointer(std::string_view text);

}  // namespace hookspool::net
