// Values out of one JSON text for the columns of a table of the user's own, as net/json reads it. Immutable once made, so
// thread-safe; the text it is made from must outlive it and what it gives out.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/json/json.h"
#include "net/pg/tables/outgoing.h"

namespace hookspool::net {

// A body or header object, made fit for PostgreSQL: \u0000 and lone surrogates are U+FFFD, a byte order mark is left out.
class JsonText {
 public:
  explicit JsonText(std::string_view body);
  // Of an event's body: a form, where the rules read it, as the JSON that it is read as.
  explicit JsonText(const Outgoing& outgoing);
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
  void read(std::string_view body);

  std::string form_;
  std::string altered_;
  std::string_view text_;
  bool fits_jsonb_ = false;
};

// Of an event's header object: the values of a name, in lower case. Several are one list, as HTTP has it.
std::optional<std::string> header_value(const JsonText& headers, const std::string& name);

}  // namespace hookspool::net
