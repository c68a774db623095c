// The one pass over a JSON text; json.h is what others see of it. Thread-safe: no state.
#pragma once

#include <functional>
#include <string_view>

#include "net/json/follower.h"
#include "net/json/json.h"
#include "net/json/key_register.h"

namespace hookspool::net {

// RFC 8259 as PostgreSQL's json_in reads it, with what jsonb refuses on top. Fills all of `reading` but bom, text and
// duplicate_key. `keys` and `follower` are called where they are not null.
// REQUIRES: `text` is at most kJsonBytesMax long.
void scan_json(std::string_view text, JsonReading& reading, KeyRegister* keys, Follower* follower);

// REQUIRES: `array` is an array that has been read as JSON.
void scan_elements(std::string_view array, const std::function<bool(const JsonValue&)>& take);

}  // namespace hookspool::net
