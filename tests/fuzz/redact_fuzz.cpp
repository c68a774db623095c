// Redaction, and the forms that it takes apart: what is left is read as before, has nothing at the pointers, and redacting it
// again changes nothing. The first line is the content type, the rest the body.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "net/form/form_json.h"
#include "net/json/json.h"
#include "net/redact/redaction.h"
#include "tests/fuzz/target.h"

namespace hookspool::fuzz {
namespace {

const net::FormRules& rules() {
  static const net::FormRules kRules{.json = {"payload", "b"}, .lists = {"to"}, .multipart = true};
  return kRules;
}

net::Redaction redaction() {
  net::Redaction all;
  for (const char* pointer : {"/card", "/a/b", "/to/0", "/payload/x/*/y", "/b/a", "/*/secret", "/f/filename"})
    all.pointers.push_back(*net::JsonPointer::parse(pointer));
  return all;
}

// Where no "*" is in a pointer, and it leads into no file: what it finds is the replacement.
void nothing_is_left(std::string_view json, const net::Redaction& redacted) {
  for (std::size_t i = 0; i < 5; ++i) {
    if (i == 3) continue;
    const auto found = net::find_json(json, redacted.pointers[i]);
    if (!found || found->raw == "\"[redacted]\"") continue;
    // A field that comes more than once.
    require(found->kind == net::JsonKind::kArray, "nothing is left at a pointer");
    net::each_element(*found, [](const net::JsonValue& each) {
      require(each.raw == "\"[redacted]\"", "nothing is left in a list");
      return true;
    });
  }
}

void one(const std::string& content_type, std::string_view body) {
  static const net::Redaction kRedaction = redaction();
  Event event;
  event.content_type = content_type;
  event.body = body;
  net::redact(event, kRedaction, &rules());
  require(event.body.size() <= std::max<std::size_t>(2 * body.size() + net::kRedactedGrowthBytesMax, 16),
          "it is bounded");
  Event again = event;
  net::redact(again, kRedaction, &rules());
  require(again.body == event.body, "redacting twice is redacting once");
  if (net::is_withheld(event, kRedaction) || body.empty()) return;
  const auto before = net::read_form(content_type, body, rules());
  const auto after = net::read_form(content_type, event.body, rules());
  require(before.has_value() == after.has_value(), "a form stays a form");
  if (!before) {
    require(net::read_json(body).is_json && net::read_json(event.body).is_json, "what is kept is JSON");
    return nothing_is_left(event.body, kRedaction);
  }
  // What was refused may be no longer, where the reason was redacted.
  require(!before->refusal.empty() || after->refusal.empty(), "what was read is read");
  if (!after->refusal.empty()) return;
  require(net::read_json(after->json).is_json, "a form is JSON");
  nothing_is_left(after->json, kRedaction);
}

}  // namespace
}  // namespace hookspool::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t line = std::min(input.find('\n'), size);
  hookspool::fuzz::one(std::string(input.substr(0, line)), input.substr(std::min(size, line + 1)));
  return 0;
}
