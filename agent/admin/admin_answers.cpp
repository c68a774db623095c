#include "agent/admin/admin_answers.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "net/verify/encoding.h"

namespace hookspool::agent {

net::HttpAnswer json_text_answer(std::string json, int status) {
  net::HttpAnswer answer;
  answer.status = status;
  answer.headers.emplace_back("Cache-Control", "no-store");
  answer.body = std::move(json) + "\n";
  return answer;
}

net::HttpAnswer refused(const AdminError& refusal) {
  using Json = nlohmann::ordered_json;
  Json json{{"error", refusal.text}};
  if (!refusal.hint.empty()) json["hint"] = refusal.hint;
  return json_text_answer(json.dump(-1, ' ', true, Json::error_handler_t::replace), refusal.status);
}

net::HttpAnswer bad_request(const std::string& what) {
  return refused({400, what, ""});
}

net::HttpAnswer no_such_request() {
  return refused({404, "no such request", ""});
}

net::HttpAnswer not_an_id(const std::string& text) {
  return refused({404, "\"" + text + "\" is not an event's id", ""});
}

net::HttpAnswer ids_needed() {
  return bad_request("ids: a list of at most " + std::to_string(kApiIdsMax) + " ids is needed");
}

PageWanted page_wanted(const net::HttpRequest& request) {
  return {net::query_parameter(request.query, "source").value_or(""),
          Uuid::parse(net::query_parameter(request.query, "after").value_or("")).value_or(Uuid{})};
}

}  // namespace hookspool::agent
