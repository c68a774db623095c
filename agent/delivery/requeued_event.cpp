#include "agent/delivery/requeued_event.h"

#include <nlohmann/json.hpp>
#include <string>

namespace hookspool::agent {
namespace {

using Json = nlohmann::json;

std::string text_of(const Json& request, const char* key) {
  const auto found = request.find(key);
  return found != request.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace

std::optional<Event> event_of(const DeadLetter& letter) {
  const auto request = Json::parse(letter.request, nullptr, false);
  if (!request.is_object()) return std::nullopt;
  Event event;
  event.lane = letter.lane;
  event.received_at_us = letter.received_at_us;
  event.delivery_id = text_of(request, "delivery_id");
  event.method = text_of(request, "method");
  event.path = text_of(request, "path");
  event.query = text_of(request, "query");
  event.remote_addr = text_of(request, "remote_addr");
  event.content_type = text_of(request, "content_type");
  const auto headers = request.find("headers");
  event.headers = headers != request.end() && headers->is_object() ? headers->dump() : "{}";
  event.body = letter.body;
  event.requeued_id = letter.id;
  return event;
}

}  // namespace hookspool::agent
