// Conditions over a webhook: a text of any kind is a condition or is refused with a place, and what is a condition says the
// same as its double negation, and the opposite of its negation. The first line is the condition, the rest the body.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/condition/condition.h"
#include "net/json/json.h"
#include "tests/fuzz/target.h"

namespace hookspool::fuzz {
namespace {

bool holds(const net::Condition& condition, std::string_view body) {
  std::vector<net::JsonPointer> pointers;
  for (const auto& place : condition.places()) pointers.emplace_back(place.tokens);
  std::vector<std::optional<std::string>> headers;
  for (const auto& name : condition.headers()) {
    require(!name.empty(), "a header has a name");
    headers.push_back(name.size() % 2 == 0 ? std::optional(std::string(body.substr(0, 8))) : std::nullopt);
  }
  return condition.holds({net::find_json(body, pointers), headers});
}

void one(std::string_view text, std::string_view body) {
  const auto condition = net::Condition::parse(text);
  if (!condition) return require(!condition.error().empty(), "what is refused has a reason");
  require(condition->text() == text, "a condition keeps its text");
  const bool held = holds(*condition, body);
  const auto negated = net::Condition::parse("not (" + std::string(text) + ")");
  // Unless it is as long, or as deep, as a condition may be.
  if (negated) require(holds(*negated, body) != held, "a negation is the opposite");
  const auto twice = net::Condition::parse("not (not (" + std::string(text) + "))");
  if (twice) require(holds(*twice, body) == held, "two negations are none");
}

}  // namespace
}  // namespace hookspool::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t line = std::min(input.find('\n'), size);
  hookspool::fuzz::one(input.substr(0, line), input.substr(std::min(size, line + 1)));
  return 0;
}
