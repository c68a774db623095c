// A signature covers one text, and not where one part of it ends and the next begins. So a part must not be able to take
// over what belongs to its neighbour: with "{id}.{timestamp}.{body}" an id that holds a "." lets a captured message be cut
// elsewhere, into another body with another time.
//
// Fixed: times (timestamp.h), the method, the secret, literal text. Words: an id, a URL (its query; the rest is our own).
// Free: the body, the form. A word ends where a literal begins whose first character it must not hold; beside a body
// without a literal between, a word holds URL characters only (RFC 3986) and the body begins, or ends, with another one,
// as JSON does. Pure functions, thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/verify/scheme.h"

namespace hookspool::net {

// Can the parts of such a text be distinguished at all? The error says what to change in it.
Result<void, std::string> check_template(const std::vector<SignedPart>& parts);

// What a request puts in place of the parts.
struct SignedValues {
  std::string_view id;
  std::string_view query;
  std::string_view body;
};

// Is there only one way to cut the text that these make? The error names the parts, and holds nothing of the values.
// REQUIRES: the time is of its one form.
Result<void, std::string> check_boundaries(const std::vector<SignedPart>& parts, const SignedValues& values);

}  // namespace hookspool::net
