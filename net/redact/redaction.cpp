#include "net/redact/redaction.h"

#include <algorithm>
#include <array>
#include <optional>

#include "net/form/form_parts.h"
#include "net/redact/form_redactor.h"

namespace hookspool::net {
namespace {

constexpr std::array<std::string_view, 3> kClientHeaders{"forwarded", "x-forwarded-for", "x-real-ip"};

std::optional<std::string> redacted_body(const Event& event, const std::vector<JsonPointer>& pointers,
                                         const FormRules* form) {
  const std::string_view body = event.body;
  const std::size_t bytes_max = 2 * body.size() + kRedactedGrowthBytesMax;
  if (form != nullptr) {
    if (const auto parts = split_form(event.content_type, body, *form)) {
      if (!parts->refusal.empty()) return std::nullopt;
      return redacted_form(body, *parts, *form, pointers, bytes_max);
    }
  }
  const JsonReading reading = read_json(body);
  if (!reading.is_json) return std::nullopt;
  auto json = redacted_json(reading.text, pointers, bytes_max);
  if (json && reading.bom) json->insert(0, kByteOrderMark);
  return json;
}

// The agent wrote them itself; what cannot be read for all that is left out.
std::string redacted_headers(const std::string& headers, const std::vector<std::string>& names) {
  const JsonReading reading = read_json(headers);
  std::vector<JsonPointer> pointers;
  for (const std::string& name : names) pointers.push_back(JsonPointer({name}));
  const auto redacted = reading.is_json ? redacted_json(reading.text, pointers, kJsonBytesMax) : std::nullopt;
  return redacted.value_or("{}");
}

}  // namespace

bool Redaction::operator==(const Redaction& other) const {
  return headers == other.headers &&
         std::equal(pointers.begin(), pointers.end(), other.pointers.begin(), other.pointers.end(),
                    [](const JsonPointer& a, const JsonPointer& b) { return a.tokens() == b.tokens(); });
}

bool is_withheld(const Event& event, const Redaction& redaction) {
  return !redaction.pointers.empty() && event.body == kRedacted;
}

void redact(Event& event, const Redaction& redaction, const FormRules* form) {
  if (!redaction.headers.empty()) {
    event.headers = redacted_headers(event.headers, redaction.headers);
    const bool names_client = std::any_of(kClientHeaders.begin(), kClientHeaders.end(), [&](auto name) {
      return std::find(redaction.headers.begin(), redaction.headers.end(), name) != redaction.headers.end();
    });
    if (names_client) event.remote_addr.clear();
  }
  if (redaction.pointers.empty() || event.body.empty() || is_withheld(event, redaction)) return;
  event.body = redacted_body(event, redaction.pointers, form).value_or(std::string(kRedacted));
}

}  // namespace hookspool::net
