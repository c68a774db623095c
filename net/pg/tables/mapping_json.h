// Values out of one JSON text for the columns of a table of the user's own, as net/json reads it. Immutable once made, so
// thread-safe; the text it is made from must outlive it and what it gives out.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/json/json.h"

namespace hookspool::net {

// A body or header object, made fit for PostgreSQL: \u0000 and lone surrogates are U+FFFD, a byte order mark is left out.
class JsonText {
 public:
  explicit JsonText(std::string_view body);
  JsonText(const JsonText&) = delete;
  JsonText& operator=(const JsonText&) = delete;

  // The JSON whole; nothing where jsonb would not take it.
  std::optional<std::string_view> whole() const;
  // The value at each pointer, in one pass over the text: what may go into jsonb is `raw`, what goes into a text is
  // characters(). Nothing where there is none, or the body is no JSON.
  std::vector<std::optional<JsonValue>> values(std::span<const JsonPointer> pointers) const;
  // Of one pointer's tokens: a string's characters; a number, true or false as written; an object or array as its JSON.
  // Nothing for null and for what is not there.
  std::optional<std::string> at(const std::vector<std::string>& pointer) const;

 private:
  std::string altered_;
  std::string_view text_;
  bool fits_jsonb_ = false;
};

}  // namespace hookspool::net
