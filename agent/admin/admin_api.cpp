#include "agent/admin/admin_api.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "agent/admin/admin_protocol.h"
#include "agent/admin/admin_quarantine.h"
#include "agent/base/instant.h"
#include "agent/intake/answers.h"
#include "agent/reload/reload_json.h"
#include "agent/repair/adoption.h"

namespace hookspool::agent {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kListPage = 500;

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

net::HttpAnswer bad_request(const std::string& what) {
  return refused({400, what, ""});
}

net::HttpAnswer no_postgres() {
  return refused({503, "no PostgreSQL is configured",
                  "Set [postgres] conninfo, or DATABASE_URL, and start the agent again."});
}

std::string text_in(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

std::optional<std::int64_t> number_in(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number_integer()) return std::nullopt;
  return found->get<std::int64_t>();
}

// Of a query "a=1&b=2"; the names and ids that are asked for need no percent-encoding.
std::string parameter(const std::string& query, const std::string& name) {
  std::size_t at = 0;
  while (at < query.size()) {
    const auto end = std::min(query.find('&', at), query.size());
    const std::string pair = query.substr(at, end - at);
    if (pair.starts_with(name + "=")) return pair.substr(name.size() + 1);
    at = end + 1;
  }
  return "";
}

Json letter_json(const DeadLetter& letter) {
  return {{"id", letter.id.to_string()},
          {"source", letter.lane},
          {"epoch", letter.epoch.to_string()},
          {"seq", letter.seq},
          {"received_at", format_instant(letter.received_at_us)},
          {"failed_at", format_instant(letter.failed_at_us)},
          {"sqlstate", letter.sqlstate},
          {"message", letter.message},
          {"body_bytes", letter.body_bytes},
          {"put_back", letter.put_back}};
}

std::string hex(const std::string& bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 0x0f];
  }
  return text;
}

bool is_utf8(const std::string& text) {
  try {
    (void)Json(text).dump();
    return true;
  } catch (const Json::exception&) {
    return false;
  }
}

net::HttpAnswer list_letters(const net::HttpRequest& request, const AdminParts& parts) {
  const Uuid after = Uuid::parse(parameter(request.query, "after")).value_or(Uuid{});
  const auto letters = parts.dead_letters->list(parameter(request.query, "source"), after, kListPage);
  if (!letters) return refused(letters.error());
  Json list = Json::array();
  for (const auto& letter : *letters) list.push_back(letter_json(letter));
  return json_answer({{"dead_letters", std::move(list)}, {"more", letters->size() == kListPage}});
}

net::HttpAnswer show_letter(const std::string& id_text, const AdminParts& parts) {
  const auto id = Uuid::parse(id_text);
  if (!id) return refused({404, "\"" + id_text + "\" is not an event's id", ""});
  const auto letter = parts.dead_letters->find(*id);
  if (!letter) return refused(letter.error());
  Json json = letter_json(*letter);
  auto request = Json::parse(letter->request, nullptr, false);
  json["request"] = request.is_discarded() ? Json(letter->request) : std::move(request);
  if (is_utf8(letter->body)) {
    json["body"] = letter->body;
  } else {
    json["body_hex"] = hex(letter->body);
  }
  return json_answer(json);
}

std::optional<std::vector<Uuid>> ids_in(const Json& json) {
  const auto list = json.find("ids");
  if (list == json.end() || !list->is_array() || list->size() > kApiIdsMax) return std::nullopt;
  std::vector<Uuid> ids;
  for (const auto& each : *list) {
    // What is no id at all is an id that nobody knows: the answer names it.
    if (!each.is_string()) return std::nullopt;
    if (const auto id = Uuid::parse(each.get<std::string>())) ids.push_back(*id);
  }
  return ids;
}

Json unknown_ids(const Json& json, const std::vector<Uuid>& known) {
  Json unknown = Json::array();
  for (const auto& each : json.at("ids")) {
    const auto id = Uuid::parse(each.get<std::string>());
    if (!id || std::find(known.begin(), known.end(), *id) == known.end()) unknown.push_back(each);
  }
  return unknown;
}

net::HttpAnswer retry_letters(const Json& json, const AdminParts& parts) {
  if (json.value("all", false) || !text_in(json, "source").empty()) {
    const std::string from = text_in(json, "after");
    const std::optional<Uuid> after = from.empty() ? Uuid{} : Uuid::parse(from);
    if (!after) return bad_request("after: an id is needed");
    const auto done = parts.dead_letters->put_back_all(text_in(json, "source"), *after,
                                                       Clock::now() + Comparison::kSliceTime);
    if (!done) return refused(done.error());
    return json_answer({{"put_back", done->count},
                        {"more", done->more},
                        {"last", done->last.to_string()},
                        {"unknown", Json::array()}});
  }
  const auto ids = ids_in(json);
  if (!ids) return bad_request("ids: a list of at most " + std::to_string(kApiIdsMax) + " ids is needed");
  const auto known = parts.dead_letters->put_back(*ids);
  if (!known) return refused(known.error());
  return json_answer({{"put_back", known->size()}, {"more", false}, {"unknown", unknown_ids(json, *known)}});
}

net::HttpAnswer discard_letters(const Json& json, const AdminParts& parts) {
  const auto ids = ids_in(json);
  if (!ids) return bad_request("ids: a list of at most " + std::to_string(kApiIdsMax) + " ids is needed");
  const auto gone = parts.dead_letters->discard(*ids);
  if (!gone) return refused(gone.error());
  return json_answer({{"discarded", gone->size()}, {"unknown", unknown_ids(json, *gone)}});
}

// Makes what holds a lane a dead letter.
net::HttpAnswer bury_letters(const Json& json, const AdminParts& parts) {
  if (parts.lanes == nullptr) return no_postgres();
  const std::string source = text_in(json, "source");
  if (source.empty()) return bad_request("source: the name of a source is needed");
  const std::int64_t count = number_in(json, "count").value_or(1);
  if (count < 1 || count > kApiBuryMax)
    return bad_request("count: is a number from 1 to " + std::to_string(kApiBuryMax));
  std::optional<Uuid> id;
  if (const std::string text = text_in(json, "id"); !text.empty()) {
    id = Uuid::parse(text);
    if (!id) return refused({404, "\"" + text + "\" is not an event's id", ""});
  }
  const auto done = parts.lanes->bury(source, static_cast<std::size_t>(count), id);
  if (!done) return refused(done.error());
  return json_answer({{"source", source}, {"buried", done->buried}, {"more", !done->over}});
}

net::HttpAnswer repair_lane(const Json& json, const AdminParts& parts) {
  if (parts.lanes == nullptr) return no_postgres();
  const std::string lane = text_in(json, "lane");
  if (!parts.lanes->repair(lane)) {
    return refused({404, "there is no lane " + lane, "hookspool status lists the lanes."});
  }
  const auto config = parts.postgres->get();
  const auto* own = config->options.tables ? config->options.tables->find(lane) : nullptr;
  Json answer{{"lane", lane}, {"comparable", own == nullptr || own->repeatable()}};
  for (const auto& status : parts.lanes->statuses()) {
    if (status.name == lane) answer["confirmed_seq"] = status.confirmed_seq;
  }
  return json_answer(answer);
}

net::HttpAnswer retry_now(const AdminParts& parts) {
  if (parts.lanes == nullptr) return no_postgres();
  parts.lanes->retry_now();
  return json_answer({{"lanes", parts.lanes->statuses().size()}});
}

net::HttpAnswer adopt_database(const Json& json, const AdminParts& parts) {
  if (parts.lanes == nullptr) return no_postgres();
  const std::string from = text_in(json, "from");
  if (from != "unsent" && from != "beginning") return bad_request("from: is \"unsent\" or \"beginning\"");
  const auto adopted = adopt(*parts.journal, *parts.guard, parts.postgres->get()->options,
                             from == "unsent" ? AdoptFrom::kUnsent : AdoptFrom::kBeginning);
  if (!adopted) return refused(adopted.error());
  parts.lanes->retry_now();
  return json_answer({{"sink_id", adopted->sink_id},
                      {"server", adopted->server},
                      {"already", adopted->already},
                      {"watermarks", adopted->watermarks}});
}

Json tally_json(const LaneTally& tally) {
  Json ids = Json::array();
  for (const Uuid& id : tally.missing_ids) ids.push_back(id.to_string());
  return {{"source", tally.lane},           {"comparable", tally.comparable},
          {"error", tally.error},           {"received", tally.received},
          {"in_table", tally.in_table},     {"renumbered", tally.renumbered},
          {"pending", tally.pending},       {"dead", tally.dead},
          {"discarded", tally.discarded},   {"gaps", tally.gaps},
          {"unreadable", tally.unreadable}, {"missing", tally.missing},
          {"put_in", tally.put_in},         {"missing_ids", std::move(ids)}};
}

net::HttpAnswer compare(const Json& json, const AdminParts& parts) {
  if (parts.pool == nullptr) return no_postgres();
  ComparisonRequest wanted;
  wanted.lane = text_in(json, "source");
  wanted.since_us = number_in(json, "since_us");
  wanted.until_us = number_in(json, "until_us");
  wanted.put_in = json.value("put_in", false);
  if (const std::string id = text_in(json, "id"); !id.empty()) {
    wanted.id = Uuid::parse(id);
    if (!wanted.id) return refused({404, "\"" + id + "\" is not an event's id", ""});
  }
  if (const auto after = json.find("after"); after != json.end() && after->is_object()) {
    wanted.after.lane = text_in(*after, "source");
    wanted.after.epoch = Uuid::parse(text_in(*after, "epoch")).value_or(Uuid{});
    wanted.after.seq = static_cast<std::uint64_t>(number_in(*after, "seq").value_or(0));
  }
  const auto config = parts.postgres->get();
  const auto slice = Comparison(*parts.journal, *parts.pool, *config).run(wanted);
  if (!slice) return refused(slice.error());
  Json answer{{"lanes", Json::array()}, {"done", slice->done}};
  for (const auto& tally : slice->lanes) answer["lanes"].push_back(tally_json(tally));
  if (!slice->done) {
    answer["after"] = {{"source", slice->reached.lane},
                       {"epoch", slice->reached.epoch.to_string()},
                       {"seq", slice->reached.seq}};
  }
  return json_answer(answer);
}

// What is wrong with a configuration is an answer like any other: the request was done.
net::HttpAnswer reload_now(const AdminParts& parts) {
  net::HttpAnswer answer;
  answer.headers.emplace_back("Cache-Control", "no-store");
  answer.body = reload_json(parts.reloader->reload()) + "\n";
  return answer;
}

net::HttpAnswer get(const net::HttpRequest& request, const std::string& what, const AdminParts& parts) {
  constexpr std::string_view kLetter = "dead/";
  if (what == "dead") return list_letters(request, parts);
  if (what.starts_with(kLetter)) return show_letter(what.substr(kLetter.size()), parts);
  return refused({404, "no such request", ""});
}

net::HttpAnswer post(const net::HttpRequest& request, const std::string& what, const AdminParts& parts) {
  const auto json = Json::parse(request.body.empty() ? "{}" : request.body, nullptr, false);
  if (!json.is_object()) return bad_request("the body is not a JSON object");
  if (what == "dead/retry") return retry_letters(json, parts);
  if (what == "dead/discard") return discard_letters(json, parts);
  if (what == "dead/bury") return bury_letters(json, parts);
  if (what == "compare") return compare(json, parts);
  if (what == "repair") return repair_lane(json, parts);
  if (what == "reload") return reload_now(parts);
  if (what == "retry") return retry_now(parts);
  if (what == "adopt") return adopt_database(json, parts);
  return refused({404, "no such request", ""});
}

}  // namespace

net::HttpAnswer admin_api(const net::HttpRequest& request, const AdminParts& parts) {
  const bool on_socket = request.remote_addr.empty();
  if (!on_socket) {
    const std::string where = parts.socket.empty() ? "there is none: set [admin] socket" : parts.socket;
    return refused({request.method == "GET" || request.method == "HEAD" ? 403 : 405,
                    "this listener is read only and shows no webhooks; use the Unix socket (" + where + ")",
                    ""});
  }
  const std::string what = request.path.substr(kApiPrefix.size());
  try {
    if (what == kQuarantineRequest || what.starts_with(std::string(kQuarantineRequest) + "/")) {
      return admin_quarantine(request, what, parts);
    }
    if (request.method == "GET") return get(request, what, parts);
    if (request.method == "POST") return post(request, what, parts);
  } catch (const Json::exception& error) {
    return bad_request(std::string("the request cannot be understood: ") + error.what());
  }
  auto answer = error_answer(405, "GET or POST");
  answer.headers.emplace_back("Allow", "GET, POST");
  return answer;
}

}  // namespace hookspool::agent
