#include "net/verify/delivery_id.h"

#include <algorithm>

#include "net/verify/timestamp.h"

namespace hookspool::net {
namespace {

const std::string* value_of(const HeaderFields& headers, std::string_view name) {
  const auto found =
      std::find_if(headers.begin(), headers.end(), [&](const auto& each) { return each.first == name; });
  return found == headers.end() ? nullptr : &found->second;
}

bool is_delivery_id(std::string_view text) {
  return !text.empty() && text.size() <= kDeliveryIdBytesMax &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; }) &&
         !parse_timestamp(text, TimestampUnit::kRfc3339);
}

// The header that {id} was read from: the first of them that is there. nullptr: the scheme signs no id.
const std::string* signed_id_header(const Scheme& scheme, const HeaderFields& headers) {
  if (scheme.kind != Scheme::Kind::kSignature || !scheme.uses(SignedPart::Kind::kId)) return nullptr;
  for (const auto& name : scheme.id_headers) {
    if (value_of(headers, name) != nullptr) return &name;
  }
  return nullptr;
}

}  // namespace

DeliveryId find_delivery_id(const DeliveryIdRule& rule, const Scheme& scheme, const HeaderFields& headers,
                            JsonFields& body) {
  if (const auto* name = signed_id_header(scheme, headers); name != nullptr) {
    const std::string& value = *value_of(headers, *name);
    if (is_delivery_id(value)) return {value, *name, false, true, {}};
  }
  DeliveryId id;
  for (const auto& name : rule.beside) {
    const auto* value = value_of(headers, name);
    id.beside.push_back(value == nullptr ? std::string() : *value);
  }
  for (const auto& wanted : rule.headers) {
    for (const auto& [name, value] : headers) {
      if (name != wanted || !is_delivery_id(value)) continue;
      id.text = value;
      id.where = name;
      return id;
    }
  }
  if (rule.pointer.empty()) return {};
  auto field = body.scalar(rule.pointer);
  if (!field || !is_delivery_id(field->characters)) return {};
  id.text = std::move(field->characters);
  id.where = rule.pointer;
  id.is_number = !field->is_text;
  id.is_signed = scheme.kind == Scheme::Kind::kSignature && scheme.uses(SignedPart::Kind::kBody);
  return id;
}

bool is_signed_header(const Scheme& scheme, const HeaderFields& headers, std::string_view name) {
  const auto* id = signed_id_header(scheme, headers);
  return id != nullptr && *id == name;
}

}  // namespace hookspool::net
