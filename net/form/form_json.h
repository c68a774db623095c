// A form (application/x-www-form-urlencoded, WHATWG URL section 5.1; where a source asks for it multipart/form-data as well) as
// one JSON object, so that whatever looks into a body (net/json) looks into a form in the same way. Pure functions,
// thread-safe; nothing throws but std::bad_alloc.
//
//   To=%2B49&To=b&tags[]=x&payload=%7B%22a%22%3A1%7D   with form_json = ["payload"]
//   {"To":["+49","b"],"tags[]":["x"],"payload":{"a":1}}
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hookspool::net {

inline constexpr std::size_t kFormFieldsMax = 1'000;

// How a source's forms are read.
struct FormRules {
  std::vector<std::string> json{};   // fields whose text stands as the JSON that it is, if it is JSON
  std::vector<std::string> lists{};  // fields that are a list even if they come once
  bool multipart = false;            // multipart/form-data too
  bool operator==(const FormRules&) const = default;
};

struct FormReading {
  // Why there is no JSON of it: utf8, encoding (a charset other than UTF-8, or a transfer encoding), too_many (fields),
  // too_large, malformed (of multipart). Empty: `json` is it.
  std::string_view refusal{};
  std::string json{};
};

// Nothing where the content type is that of no such form. Every value is a string; one key several times, or one that ends in
// [], is a list in the order of the body; keys are as they are sent. "+" is a space, a "%" that begins no escape stays. A file of
// a multipart form is {"filename": ..., "content_type": ..., "bytes": its length}.
std::optional<FormReading> read_form(std::string_view content_type, std::string_view body,
                                     const FormRules& rules);

}  // namespace hookspool::net
