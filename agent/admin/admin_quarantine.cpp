#include "agent/admin/admin_quarantine.h"

#include <nlohmann/json.hpp>

#include "agent/admin/admin_protocol.h"
#include "agent/base/instant.h"
#include "agent/base/log.h"
#include "agent/intake/admission.h"
#include "agent/intake/event_headers.h"
#include "net/verify/encoding.h"

namespace hookspool::agent {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kListPage = 500;
constexpr milliseconds kSliceTime{2'000};

net::HttpAnswer json_answer(const Json& json, int status = 200) {
  net::HttpAnswer answer;
  answer.status = status;
  answer.headers.emplace_back("Cache-Control", "no-store");
  answer.body = json.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
  return answer;
}

net::HttpAnswer refused(const Refusal& refusal) {
  Json json{{"error", refusal.text}};
  if (!refusal.hint.empty()) json["hint"] = refusal.hint;
  return json_answer(json, refusal.status);
}

Json request_json(const Quarantined& request) {
  Json json{{"id", request.id.to_string()},
            {"source", request.source},
            {"received_at", format_instant(request.received_at_us)},
            {"remote_addr", request.remote_addr},
            {"reason", request.reason},
            {"bytes", request.bytes}};
  if (request.admitting) json["admission_in_doubt"] = true;
  return json;
}

net::HttpAnswer list_requests(const net::HttpRequest& request, const Quarantine& quarantine) {
  const Uuid after = Uuid::parse(net::query_parameter(request.query, "after").value_or("")).value_or(Uuid{});
  const auto requests =
      quarantine.list(net::query_parameter(request.query, "source").value_or(""), after, kListPage);
  if (!requests) return refused(requests.error());
  Json list = Json::array();
  for (const auto& each : *requests) list.push_back(request_json(each));
  return json_answer({{"quarantined", std::move(list)}, {"more", requests->size() == kListPage}});
}

// Credentials are left out, as they are of events: what fits no secret today may be tomorrow's.
net::HttpAnswer show_request(const std::string& id_text, const AdminParts& parts) {
  const auto id = Uuid::parse(id_text);
  if (!id) return refused({404, "\"" + id_text + "\" is not an id", ""});
  const auto request = parts.quarantine->find(*id);
  if (!request) return refused(request.error());
  Json json = request_json(*request);
  json["method"] = request->method;
  json["path"] = utf8_text(request->path);
  json["query"] = utf8_text(request->query);
  json["headers"] =
      Json::parse(headers_as_json(request->headers, parts.quarantine->token_headers(request->source)));
  json["body_bytes"] = request->body.size();
  if (utf8_text(request->body) == request->body) {
    json["body"] = request->body;
  } else {
    json["body_hex"] = net::encode_hex(request->body);
  }
  return json_answer(json);
}

net::HttpAnswer verify_requests(const Json& json, const AdminParts& parts) {
  const std::string source = json.value("source", "");
  const Uuid after = Uuid::parse(json.value("after", "")).value_or(Uuid{});
  const auto admit = [&](net::HttpRequest&& request, const SourceConfig& config, std::int64_t received_at_us,
                         const Uuid& kept_as) -> storage::JournalResult<void> {
    const auto taken = parts.admission->admit(std::move(request), config, received_at_us, kept_as);
    if (!taken) return fail(taken.error());
    return {};
  };
  const auto verified = parts.quarantine->verify(source, after, Clock::now() + kSliceTime, admit);
  if (!verified) return refused(verified.error());
  if (verified->admitted > 0) {
    log_info("quarantine: " + std::to_string(verified->admitted) +
             " requests are genuine and in the journal now");
  }
  return json_answer({{"looked_at", verified->looked_at},
                      {"admitted", verified->admitted},
                      {"not_genuine", verified->not_genuine},
                      {"unknown_source", verified->unknown_source},
                      {"in_doubt", verified->in_doubt},
                      {"after", verified->reached.to_string()},
                      {"more", verified->more}});
}

net::HttpAnswer discard_requests(const Json& json, const AdminParts& parts) {
  const std::string source = json.value("source", "");
  if (json.value("all", false) || !source.empty()) {
    const auto gone = parts.quarantine->discard_all(source);
    if (!gone) return refused(gone.error());
    return json_answer({{"discarded", *gone}, {"unknown", Json::array()}});
  }
  const auto list = json.find("ids");
  if (list == json.end() || !list->is_array() || list->size() > kApiIdsMax) {
    return refused({400, "ids: a list of at most " + std::to_string(kApiIdsMax) + " ids is needed", ""});
  }
  std::vector<Uuid> ids;
  for (const auto& each : *list) {
    if (const auto id = Uuid::parse(each.get<std::string>())) ids.push_back(*id);
  }
  const auto gone = parts.quarantine->discard(ids);
  if (!gone) return refused(gone.error());
  Json unknown = Json::array();
  for (const auto& each : *list) {
    const auto id = Uuid::parse(each.get<std::string>());
    if (!id || std::find(gone->begin(), gone->end(), *id) == gone->end()) unknown.push_back(each);
  }
  return json_answer({{"discarded", gone->size()}, {"unknown", std::move(unknown)}});
}

}  // namespace

net::HttpAnswer admin_quarantine(const net::HttpRequest& request, const std::string& what,
                                 const AdminParts& parts) {
  const std::string rest = what.substr(kQuarantineRequest.size());
  if (request.method == "GET" && rest.empty()) return list_requests(request, *parts.quarantine);
  if (request.method == "GET" && rest.starts_with("/")) return show_request(rest.substr(1), parts);
  const auto json = Json::parse(request.body.empty() ? "{}" : request.body, nullptr, false);
  if (!json.is_object()) return refused({400, "the body is not a JSON object", ""});
  if (request.method == "POST" && rest == "/verify") return verify_requests(json, parts);
  if (request.method == "POST" && rest == "/discard") return discard_requests(json, parts);
  return refused({404, "no such request", ""});
}

}  // namespace hookspool::agent
