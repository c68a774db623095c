// Replaces values of fields of a form, in the body that was sent, and leaves every other byte as it is. Pure function,
// thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "net/form/form_parts.h"
#include "net/json/json.h"

namespace hookspool::net {

// Pointers see the form as read_form() shows it; one that leads to a field, or into the JSON that it holds, does so for each of
// its values, if it comes more than once. A file is replaced whole, its name too, by whatever leads to it or into it. So is a
// field that `rules` read as JSON, where a pointer leads into it and it is none. Nothing: the result would have more than
// `bytes_max`.
// REQUIRES: `form` is split_form() of `body` by `rules`, without a refusal; no pointer is empty.
std::optional<std::string> redacted_form(std::string_view body, const FormParts& form, const FormRules& rules,
                                         std::span<const JsonPointer> pointers, std::size_t bytes_max);

}  // namespace hookspool::net
