#include "net/pg/tables/mapping_json.h"

namespace hookspool::net {

JsonText::JsonText(std::string_view body) {
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

}  // namespace hookspool::net
