#include "net/form/form_parts.h"

#include <algorithm>
#include <map>
#include <utility>

#include "net/form/multipart.h"
#include "storage/base/hex.h"
#include "storage/base/text.h"

namespace hookspool::net {
namespace {

constexpr std::string_view kUrlencodedType = "application/x-www-form-urlencoded";
constexpr std::string_view kMultipartType = "multipart/form-data";
constexpr std::string_view kBlanks = " \t";

std::string decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape =
        text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0;
    if (escape) {
      out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

bool contains(const std::vector<std::string>& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

bool has_other_charset(std::string_view content_type) {
  const std::string type = lower_case(content_type);
  constexpr std::string_view kCharset = "charset=";
  const auto at = type.find(kCharset);
  if (at == std::string::npos) return false;
  std::string_view charset = std::string_view(type).substr(at + kCharset.size());
  charset = trimmed(charset.substr(0, charset.find(';')), " \t\"");
  return charset != "utf-8" && charset != "utf8" && charset != "us-ascii";
}

void split_urlencoded(std::string_view body, FormParts& form) {
  while (!body.empty()) {
    const std::string_view pair = body.substr(0, body.find('&'));
    body.remove_prefix(std::min(body.size(), pair.size() + 1));
    if (pair.empty()) continue;
    if (form.parts.size() == kFormFieldsMax) {
      form.refusal = "too_many";
      return;
    }
    const auto equals = std::min(pair.find('='), pair.size());
    const auto content = std::min(pair.size(), equals + 1);
    form.parts.push_back({decoded(pair.substr(0, equals)), decoded(pair.substr(content)),
                          pair.substr(0, content), pair.substr(content)});
  }
}

}  // namespace

std::optional<FormParts> split_form(std::string_view content_type, std::string_view body,
                                    const FormRules& rules) {
  const std::string_view type = trimmed(content_type.substr(0, content_type.find(';')), kBlanks);
  FormParts form;
  if (equals_ignoring_case(type, kUrlencodedType)) {
    if (has_other_charset(content_type)) {
      form.refusal = "encoding";
    } else {
      split_urlencoded(body, form);
    }
  } else if (rules.multipart && equals_ignoring_case(type, kMultipartType)) {
    form.kind = FormKind::kMultipart;
    form.boundary = multipart_boundary(content_type);
    form.refusal = form.boundary.empty() ? "malformed" : split_multipart(form.boundary, body, form.parts);
  } else {
    return std::nullopt;
  }
  return form;
}

std::vector<FormField> fields_of(const std::vector<FormPart>& parts, const FormRules& rules) {
  std::vector<FormField> fields;
  std::map<std::string_view, std::size_t> places;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto [place, is_new] = places.emplace(parts[i].key, fields.size());
    if (is_new) fields.emplace_back();
    fields[place->second].parts.push_back(i);
  }
  for (FormField& field : fields) {
    const std::string& key = parts[field.parts.front()].key;
    field.is_list = field.parts.size() > 1 || key.ends_with("[]") || contains(rules.lists, key);
  }
  return fields;
}

bool is_json_field(const FormRules& rules, const std::string& key) {
  return contains(rules.json, key);
}

}  // namespace hookspool::net
