// A form taken apart into its fields, with the bytes of the body that each of them takes. Pure functions, thread-safe; nothing
// throws but std::bad_alloc. What is returned points into the body.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/form/form_json.h"

namespace hookspool::net {

enum class FormKind { kUrlencoded, kMultipart };

struct FormPart {
  std::string key;
  std::string value;  // decoded; of a file empty: that stays in the body
  std::string_view
      head;  // up to the content: "key=" (or "key"), or the part's header lines and the empty one
  std::string_view content;    // as it was sent
  bool is_file = false;        // only of multipart
  std::string filename{};      // of a file, as it was sent
  std::string content_type{};  // of a file; empty: none was sent
};

struct FormParts {
  std::string_view
      refusal{};  // encoding, too_many or malformed (FormReading); empty: all of `parts` are there
  FormKind kind = FormKind::kUrlencoded;
  std::string boundary{};  // of multipart, as it stands in the body
  std::vector<FormPart> parts{};
};

// Nothing where the content type is that of no form that `rules` let be read.
std::optional<FormParts> split_form(std::string_view content_type, std::string_view body,
                                    const FormRules& rules);

// The parts of one key, in the order of the body.
struct FormField {
  std::vector<std::size_t> parts;  // at least one
  bool is_list = false;
};
// In the order of each key's first part.
std::vector<FormField> fields_of(const std::vector<FormPart>& parts, const FormRules& rules);

// Does the field stand as the JSON that its text is?
bool is_json_field(const FormRules& rules, const std::string& key);

}  // namespace hookspool::net
