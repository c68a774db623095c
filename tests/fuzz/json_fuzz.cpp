// The payload for jsonb, and the values that pointers find: what is given out is JSON that jsonb takes, giving it in again
// changes nothing, and every reader of a body finds the same in it as a parser that is not ours.
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "net/json/json.h"
#include "net/pg/tables/mapping_json.h"
#include "net/pg/tables/payload.h"
#include "net/verify/json_field.h"
#include "tests/fuzz/target.h"

namespace hookspool::fuzz {
namespace {

using Json = nlohmann::json;

// Held against a reader that is not ours. A number beyond a double is JSON, and a numeric in PostgreSQL.
bool is_json(std::string_view text) {
  try {
    return !Json::parse(text).is_discarded();
  } catch (const Json::out_of_range&) {
    return true;
  } catch (const Json::exception&) {
    return false;
  }
}

void readers_agree(std::string_view body, const net::JsonText& text, const Json* parsed,
                   const std::string& pointer) {
  const auto place = net::JsonPointer::parse(pointer).value();
  const auto in_body = net::find_json(body, place);
  const auto in_text = text.values(std::span(&place, 1)).front();
  require(in_body.has_value() == in_text.has_value(), "the body and its text have the same values");
  const auto column = text.at(place.tokens());
  const auto field = net::json_field(body, pointer);
  require(!column || in_text, "a column has only what is there");
  require(!field || in_text, "a field is only what is there");
  if (parsed != nullptr && pointer != "/") {  // theirs throws where an array has no element ""
    const Json::json_pointer theirs(pointer);
    require(parsed->contains(theirs) == in_text.has_value(), "a value is there or not");
    if (in_text) require(Json::parse(in_text->raw) == parsed->at(theirs), "it is the last member's value");
  }
  if (!in_text) return;
  require(in_text->kind == in_body->kind, "of the same kind");
  const bool is_null = in_text->kind == net::JsonKind::kNull;
  require(column == (is_null ? std::nullopt : std::optional(in_text->characters())),
          "a column has the value");
  const bool is_text = in_text->kind == net::JsonKind::kString || in_text->kind == net::JsonKind::kNumber;
  require(field == (is_text ? std::optional(in_body->characters(net::Unfit::kKeep)) : std::nullopt),
          "a field has the value");
}

void payload_holds(std::string_view body, const net::Payload& payload) {
  if (!payload.is_json) return require(!payload.issue.empty(), "a body that is no payload has a reason");
  require(payload.text() == body || !payload.issue.empty(), "what was altered has a reason");
  require(is_json(payload.text()), "a payload is JSON");
  const net::Payload again = net::to_payload(payload.text());
  require(again.is_json && again.text() == payload.text(), "a payload is taken as it is");
  for (const char* altered : {"bom", "nul", "surrogate"})
    require(again.issue.find(altered) == std::string::npos, "what was altered is gone");
}

}  // namespace
}  // namespace hookspool::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hookspool;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const net::Payload payload = net::to_payload(body);
  fuzz::payload_holds(body, payload);

  const net::JsonText text(body);
  fuzz::require(text.whole().value_or("") == payload.text(), "an own table's payload is the events table's");
  std::optional<fuzz::Json> parsed;
  if (payload.is_json) parsed = fuzz::Json::parse(payload.text(), nullptr, false);
  const bool theirs = parsed && !parsed->is_discarded();
  for (const char* pointer :
       {"", "/a", "/id", "/a/b", "/a/0", "/0", "/1/a", "/a/0/a", "/", "/a~1b", "/repository/id"})
    fuzz::readers_agree(body, text, theirs ? &*parsed : nullptr, pointer);
  (void)net::every_json_field(body, "/value/*/clientState", [](std::string_view) { return true; });
  return 0;
}
