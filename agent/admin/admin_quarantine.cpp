#include "agent/admin/admin_quarantine.h"

#include <nlohmann/json.hpp>

#include "agent/admin/admin_answers.h"
#include "agent/base/instant.h"
#include "agent/base/log.h"
#include "agent/intake/admission.h"
#include "agent/intake/event_headers.h"

namespace hookspool::agent {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kSliceTime{2'000};

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
  const PageWanted page = page_wanted(request);
  const auto requests = quarantine.list(page.source, page.after, kListPage);
  if (!requests) return refused(requests.error());
  Json list = Json::array();
  for (const auto& each : *requests) list.push_back(request_json(each));
  return json_answer(Json{{"quarantined", std::move(list)}, {"more", requests->size() == kListPage}});
}

// Credentials are left out, as they are of events: what fits no secret today may be tomorrow's.
net::HttpAnswer show_request(const std::string& id_text, const AdminParts& parts) {
  const auto id = Uuid::parse(id_text);
  if (!id) return refused({404, "\"" + id_text + "\" is not an id", ""});
  const auto request = parts.quarantine.find(*id);
  if (!request) return refused(request.error());
  Json json = request_json(*request);
  json["method"] = request->method;
  json["path"] = utf8_text(request->path);
  json["query"] = utf8_text(request->query);
  json["headers"] =
      Json::parse(headers_as_json(request->headers, parts.quarantine.token_headers(request->source)));
  json["body_bytes"] = request->body.size();
  add_body(json, request->body);
  return json_answer(json);
}

net::HttpAnswer verify_requests(const Json& json, const AdminParts& parts) {
  const std::string source = json.value("source", "");
  const Uuid after = Uuid::parse(json.value("after", "")).value_or(Uuid{});
  const auto admit = [&](net::HttpRequest&& request, const SourceConfig& config, std::int64_t received_at_us,
                         const Uuid& quarantine_id) -> storage::JournalResult<void> {
    const auto taken = parts.admission.admit(std::move(request), config, received_at_us, quarantine_id);
    if (!taken) return fail(taken.error());
    return {};
  };
  const auto verified = parts.quarantine.verify(source, after, Clock::now() + kSliceTime, admit);
  if (!verified) return refused(verified.error());
  if (verified->admitted > 0) {
    log_info("quarantine: " + std::to_string(verified->admitted) +
             " requests are genuine and in the journal now");
  }
  return json_answer(Json{{"looked_at", verified->looked_at},
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
    const auto gone = parts.quarantine.discard_all(source);
    if (!gone) return refused(gone.error());
    return json_answer(Json{{"discarded", *gone}, {"unknown", Json::array()}});
  }
  const auto ids = ids_in(json);
  if (!ids) return ids_needed();
  const auto gone = parts.quarantine.discard(*ids);
  if (!gone) return refused(gone.error());
  return json_answer(Json{{"discarded", gone->size()}, {"unknown", unknown_ids(json, *gone)}});
}

}  // namespace

net::HttpAnswer admin_quarantine(const net::HttpRequest& request, const std::string& what,
                                 const AdminParts& parts) {
  const std::string rest = what.substr(kQuarantineRequest.size());
  if (request.method == "GET" && rest.empty()) return list_requests(request, parts.quarantine);
  if (request.method == "GET" && rest.starts_with("/")) return show_request(rest.substr(1), parts);
  const auto json = Json::parse(request.body.empty() ? "{}" : request.body, nullptr, false);
  if (!json.is_object()) return bad_request("the body is not a JSON object");
  if (request.method == "POST" && rest == "/verify") return verify_requests(json, parts);
  if (request.method == "POST" && rest == "/discard") return discard_requests(json, parts);
  return no_such_request();
}

}  // namespace hookspool::agent
