// The members of an object, each of them. Pure function, thread-safe.
#pragma once

#include <functional>
#include <string_view>

#include "net/json/json.h"

namespace hookspool::net {

struct JsonMember {
  std::string_view name;  // unescaped; valid while each_member() calls
  JsonValue value;
};

// In order, those whose names are equal as well, until `take` returns false.
// REQUIRES: `object` comes from find_json(), each_element() or from here.
void each_member(const JsonValue& object, const std::function<bool(const JsonMember&)>& take);

}  // namespace hookspool::net
