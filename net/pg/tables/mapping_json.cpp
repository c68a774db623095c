#include "net/pg/tables/mapping_json.h"

#include <utility>

namespace hookspool::net {

JsonText::JsonText(std::string_view body) {
  read(body);
}

JsonText::JsonText(const Outgoing& outgoing) {
  if (outgoing.body_is_withheld()) return;
  const Event& event = outgoing.event();
  const FormRules* form = outgoing.rules().form_rules();
  auto reading = form == nullptr ? std::nullopt : read_form(event.content_type, event.body, *form);
  if (!reading) {
    read(event.body);
  } else if (reading->refusal.empty()) {
    form_ = std::move(reading->json);
    read(form_);
  }
}

void JsonText::read(std::string_view body) {
  const JsonReading reading = read_json(body);
  fits_jsonb_ = reading.fits_jsonb();
  if (!reading.is_json) return;
  text_ = reading.text;
  if (!reading.nul && !reading.surrogate) return;
  altered_ = with_unfit_replaced(reading.text);
  text_ = altered_;
}

std::optional<std::string_view> JsonText::whole() const {
  if (!fits_jsonb_) return std::nullopt;
  return text_;
}

std::vector<std::optional<JsonValue>> JsonText::values(std::span<const JsonPointer> pointers) const {
  return find_json(text_, pointers);
}

std::optional<std::string> JsonText::at(const std::vector<std::string>& pointer) const {
  const auto value = find_json(text_, JsonPointer(pointer));
  if (!value || value->kind == JsonKind::kNull) return std::nullopt;
  return value->characters();
}

// A field that only looks like a list stays as it is.
std::optional<std::string> header_value(const JsonText& headers, const std::string& name) {
  const JsonPointer place({name});
  const auto value = headers.values(std::span(&place, 1)).front();
  if (!value || value->kind == JsonKind::kNull) return std::nullopt;
  if (value->kind != JsonKind::kArray) return value->characters();
  std::string all;
  each_element(*value, [&](const JsonValue& each) {
    if (each.kind == JsonKind::kString) all += (all.empty() ? "" : ", ") + each.characters();
    return true;
  });
  return all;
}

}  // namespace hookspool::net
