// Single values out of a body that is not yet verified, as net/json reads it: the last of several members with one key
// counts, a byte order mark does not, and of what is no JSON as a whole there is no value. Pure functions, thread-safe;
// JsonFields belongs to one thread.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/json/json.h"

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

// What one body holds at several pointers: all are found in one pass over it, when the first of them is asked for.
class JsonFields {
 public:
  // `body` must outlive this. `pointers`: those that may be asked for; any other costs a pass of its own.
  explicit JsonFields(std::string_view body, std::span<const std::string> pointers = {})
      : body_(body), pointers_(pointers.begin(), pointers.end()) {}

  std::optional<JsonScalar> scalar(std::string_view pointer);
  std::optional<std::string> text(std::string_view pointer);  // json_field()

 private:
  const std::string_view body_;
  const std::vector<std::string> pointers_;
  std::optional<std::vector<std::optional<JsonValue>>> values_;  // of pointers_, once they have been read
};

// "/value/*/clientState": is `value` an array of one element at least, has every element a text or number at clientState,
// and `fits` every such text? Without a "*" in the pattern: no.
bool every_json_field(std::string_view body, std::string_view pattern,
                      const std::function<bool(std::string_view)>& fits);

// "" or "/a/b~1c": may it be given to the functions above?
bool is_json_pointer(std::string_view text);

}  // namespace hookspool::net
