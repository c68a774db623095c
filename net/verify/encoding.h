// The encodings that signatures, secrets and forms come in. Strict: what is not canonical is nothing.
// Pure functions, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/base/hex.h"

namespace hookspool::net {

using hookspool::decode_hex;
using hookspool::encode_hex;

// RFC 4648 section 4. Signatures come with their padding and in no other spelling; only what was typed by hand (a secret,
// a password) may leave it out. Wrong padding is nothing in either case.
enum class Padding { kRequired, kOptional };
std::optional<std::string> decode_base64(std::string_view text, Padding rule = Padding::kRequired);
std::string encode_base64(std::string_view bytes);  // with padding

// A secret as Standard Webhooks hand it out: base64, with or without "whsec_". Nothing if it is empty or none.
std::optional<std::string> decode_key(std::string_view secret);

// application/x-www-form-urlencoded: '+' is a space, %XX a byte. Nothing for a '%' without two digits.
std::optional<std::string> decode_form_text(std::string_view text);

using FormFields = std::vector<std::pair<std::string, std::string>>;
// "a=1&b=2", in order. Nothing where a name or value cannot be decoded, or with more than `fields_max`.
std::optional<FormFields> parse_form(std::string_view text, std::size_t fields_max);

// The values of every parameter of this name among the first 256, decoded; an empty text where that is not possible.
// `any_case`: whatever the case of the name's letters.
std::vector<std::string> query_parameters(std::string_view query, std::string_view name,
                                          bool any_case = false);
// The value of a query's parameter, decoded. Nothing where it is absent, there more than once, or not decodable.
std::optional<std::string> query_parameter(std::string_view query, std::string_view name);

}  // namespace hookspool::net
