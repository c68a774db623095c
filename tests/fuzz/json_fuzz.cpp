// The payload for jsonb: what is given out is JSON that jsonb takes, and giving it in again changes nothing.
#include <nlohmann/json.hpp>

#include "net/pg/payload.h"
#include "tests/fuzz/target.h"

namespace {

// Held against a reader that is not ours. A number beyond a double is JSON, and a numeric in PostgreSQL.
bool is_json(std::string_view text) {
  try {
    return !nlohmann::json::parse(text).is_discarded();
  } catch (const nlohmann::json::out_of_range&) {
    return true;
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hookspool;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const net::Payload payload = net::to_payload(body);
  if (!payload.is_json) {
    fuzz::require(!payload.issue.empty(), "a body that is no payload has a reason");
    return 0;
  }
  fuzz::require(payload.json.has_value() == !payload.issue.empty(), "what was altered has a reason");
  const std::string_view text = payload.json ? std::string_view(*payload.json) : body;
  fuzz::require(is_json(text), "a payload is JSON");
  const net::Payload again = net::to_payload(text);
  fuzz::require(again.is_json && again.issue.empty(), "a payload is taken as it is");
  return 0;
}
