// Replaces values of a JSON text and leaves every other byte as it is. Pure function, thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "net/json/json.h"

namespace hookspool::net {

// What stands where something was: in JSON as a string, in a form as the field's text, and alone as a whole body.
inline constexpr std::string_view kRedacted = "[redacted]";
// A token of a pointer: every element of an array, every member of an object.
inline constexpr std::string_view kEveryToken = "*";

// `json` with "[redacted]" for what each of the pointers finds: of members with one name each, the later ones and the earlier. A
// pointer to what is not there changes nothing. Reads the text once for each token of the longest pointer. Nothing: the result
// would have more than `bytes_max`.
// REQUIRES: `json` has been read as JSON, and is without a byte order mark.
std::optional<std::string> redacted_json(std::string_view json, std::span<const JsonPointer> pointers,
                                         std::size_t bytes_max);

}  // namespace hookspool::net
