#include "net/form/form_json.h"

#include <algorithm>
#include <map>

#include "net/json/json.h"
#include "net/json/writer.h"
#include "storage/base/hex.h"
#include "storage/base/text.h"

namespace hookspool::net {
namespace {

constexpr std::string_view kFormType = "application/x-www-form-urlencoded";
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

struct Field {
  std::string key;
  std::vector<std::string> values;
};

bool contains(const std::vector<std::string>& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

void append_value(std::string& json, const std::string& value, bool may_be_json) {
  if (may_be_json) {
    if (const JsonReading reading = read_json(value); reading.fits_jsonb()) {
      json += reading.text;
      return;
    }
  }
  append_json_string(json, value);
}

// True: the content type is that of a form. `other_charset`: it says that its bytes are not UTF-8.
bool is_form(std::string_view content_type, bool& other_charset) {
  const std::string type = lower_case(content_type);
  const auto semicolon = std::min(type.find(';'), type.size());
  if (trimmed(std::string_view(type).substr(0, semicolon), kBlanks) != kFormType) return false;
  constexpr std::string_view kCharset = "charset=";
  const auto at = type.find(kCharset, semicolon);
  if (at == std::string::npos) return true;
  std::string_view charset = std::string_view(type).substr(at + kCharset.size());
  charset = trimmed(charset.substr(0, charset.find(';')), " \t\"");
  other_charset = charset != "utf-8" && charset != "utf8" && charset != "us-ascii";
  return true;
}

// False: more than kFormFieldsMax.
bool split(std::string_view body, std::vector<Field>& fields) {
  std::map<std::string, std::size_t> places;
  std::size_t count = 0;
  while (!body.empty()) {
    const std::string_view pair = body.substr(0, body.find('&'));
    body.remove_prefix(std::min(body.size(), pair.size() + 1));
    if (pair.empty()) continue;
    if (++count > kFormFieldsMax) return false;
    const auto equals = std::min(pair.find('='), pair.size());
    std::string key = decoded(pair.substr(0, equals));
    const auto [place, is_new] = places.emplace(key, fields.size());
    if (is_new) fields.push_back({std::move(key), {}});
    fields[place->second].values.push_back(decoded(pair.substr(std::min(pair.size(), equals + 1))));
  }
  return true;
}

}  // namespace

std::optional<FormReading> read_form(std::string_view content_type, std::string_view body,
                                     const FormRules& rules) {
  FormReading reading;
  bool other_charset = false;
  if (!is_form(content_type, other_charset)) return std::nullopt;
  const auto refused = [](std::string_view why) { return FormReading{why, {}}; };
  if (other_charset) return refused("encoding");
  std::vector<Field> fields;
  if (!split(body, fields)) return refused("too_many");
  std::string& json = reading.json;
  json = "{";
  for (const Field& field : fields) {
    const bool all_utf8 = is_utf8(field.key) && std::all_of(field.values.begin(), field.values.end(),
                                                            [](const auto& value) { return is_utf8(value); });
    if (!all_utf8) return refused("utf8");
    if (json.size() > 1) json += ',';
    append_json_string(json, field.key);
    json += ':';
    const bool list =
        field.values.size() > 1 || field.key.ends_with("[]") || contains(rules.lists, field.key);
    const bool may_be_json = contains(rules.json, field.key);
    if (list) json += '[';
    for (std::size_t i = 0; i < field.values.size(); ++i) {
      if (i > 0) json += ',';
      append_value(json, field.values[i], may_be_json);
      if (json.size() > kJsonBytesMax) return refused("too_large");
    }
    if (list) json += ']';
  }
  json += '}';
  return reading;
}

}  // namespace hookspool::net
