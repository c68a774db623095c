// Single values out of a body that is not yet verified, as net/json reads it: the last of several members with one key
// counts, a byte order mark does not, and of what is no JSON as a whole there is no value. Pure functions, thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace hookspool::net {

// The text or number at a JSON pointer (RFC 6901): a string unescaped, with \u0000 and halves of surrogate pairs kept so
// that different strings stay different; a number as it was sent. Nothing where there is none.
std::optional<std::string> json_field(std::string_view body, std::string_view pointer);
// The same, and which of the two it is.
struct JsonScalar {
  std::string characters;  // of a text unescaped; of a number as it was sent
  bool is_text = false;
};
std::optional<JsonScalar> json_scalar(std::string_view body, std::string_view pointer);

// "/value/*/clientState": is `value` an array of one element at least, has every element a text or number at clientState,
// and `fits` every such text? Without a "*" in the pattern: no.
bool every_json_field(std::string_view body, std::string_view pattern,
                      const std::function<bool(std::string_view)>& fits);

// "" or "/a/b~1c": may it be given to the functions above?
bool is_json_pointer(std::string_view text);

}  // namespace hookspool::net
