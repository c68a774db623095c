#include "net/form/form_json.h"

#include "net/form/form_parts.h"
#include "net/json/json.h"
#include "net/json/writer.h"
#include "storage/base/text.h"

namespace hookspool::net {
namespace {

bool all_utf8(const FormPart& part) {
  return is_utf8(part.key) && is_utf8(part.value) && is_utf8(part.filename) && is_utf8(part.content_type);
}

void append_file(std::string& json, const FormPart& file) {
  json += "{\"filename\":";
  append_json_string(json, file.filename);
  json += ",\"content_type\":";
  append_json_string(json, file.content_type);
  json += ",\"bytes\":" + std::to_string(file.content.size()) + "}";
}

void append_value(std::string& json, const FormPart& part, bool may_be_json) {
  if (part.is_file) return append_file(json, part);
  if (may_be_json) {
    if (const JsonReading reading = read_json(part.value); reading.fits_jsonb()) {
      json += reading.text;
      return;
    }
  }
  append_json_string(json, part.value);
}

}  // namespace

std::optional<FormReading> read_form(std::string_view content_type, std::string_view body,
                                     const FormRules& rules) {
  const auto refused = [](std::string_view why) { return FormReading{why, {}}; };
  const auto form = split_form(content_type, body, rules);
  if (!form) return std::nullopt;
  if (!form->refusal.empty()) return refused(form->refusal);
  FormReading reading;
  std::string& json = reading.json;
  json = "{";
  for (const FormField& field : fields_of(form->parts, rules)) {
    const std::string& key = form->parts[field.parts.front()].key;
    const bool may_be_json = is_json_field(rules, key);
    if (json.size() > 1) json += ',';
    append_json_string(json, key);
    json += field.is_list ? ":[" : ":";
    for (const std::size_t part : field.parts) {
      if (!all_utf8(form->parts[part])) return refused("utf8");
      if (part != field.parts.front()) json += ',';
      append_value(json, form->parts[part], may_be_json);
      if (json.size() > kJsonBytesMax) return refused("too_large");
    }
    if (field.is_list) json += ']';
  }
  json += '}';
  return reading;
}

}  // namespace hookspool::net
