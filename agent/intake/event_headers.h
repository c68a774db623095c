// A request's headers as they are kept with the event. Pure functions, thread-safe.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hookspool::agent {

using HeaderList = std::vector<std::pair<std::string, std::string>>;  // lower-case names

// One JSON object: name -> value, or an array of values where a name came more than once. Credentials
// (Authorization, Proxy-Authorization, Cookie, and the source's own of `credentials`, in lower case) are left out: a
// table of events is no place for them.
std::string headers_as_json(const HeaderList& headers, std::span<const std::string> credentials = {});

// One header as headers_as_json() keeps it; several of a name are one list, as HTTP has it. Nothing where it keeps none.
std::optional<std::string> stored_header(const HeaderList& headers, std::string_view name,
                                         std::span<const std::string> credentials);

// Header bytes as UTF-8: as they are where they are valid, else each byte as its ISO 8859-1 character (RFC 9110
// section 5.5 calls such bytes obs-text). Nothing is lost either way.
std::string utf8_text(std::string_view bytes);

// A JSON string literal, quotes included. Takes valid UTF-8.
std::string json_text(std::string_view text);

}  // namespace hookspool::agent
