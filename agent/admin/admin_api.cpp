#include "agent/admin/admin_api.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "agent/admin/admin_answers.h"
#include "agent/admin/admin_events.h"
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

net::HttpAnswer list_letters(const net::HttpRequest& request, const AdminParts& parts) {
  const PageWanted page = page_wanted(request);
  const auto letters = parts.dead_letters.list(page.source, page.after, kListPage);
  if (!letters) return refused(letters.error());
  Json list = Json::array();
  for (const auto& letter : *letters) list.push_back(letter_json(letter));
  return json_answer(Json{{"dead_letters", std::move(list)}, {"more", letters->size() == kListPage}});
}

net::HttpAnswer show_letter(const std::string& id_text, const AdminParts& parts) {
  const auto id = Uuid::parse(id_text);
  if (!id) return not_an_id(id_text);
  const auto letter = parts.dead_letters.find(*id);
  if (!letter) return refused(letter.error());
  Json json = letter_json(*letter);
  auto request = Json::parse(letter->request, nullptr, false);
  json["request"] = request.is_discarded() ? Json(letter->request) : std::move(request);
  add_body(json, letter->body);
  return json_answer(json);
}

net::HttpAnswer retry_letters(const Json& json, const AdminParts& parts) {
  if (json.value("all", false) || !text_in(json, "source").empty()) {
    const std::string from = text_in(json, "after");
    const std::optional<Uuid> after = from.empty() ? Uuid{} : Uuid::parse(from);
    if (!after) return bad_request("after: an id is needed");
    const auto done = parts.dead_letters.put_back_all(text_in(json, "source"), *after,
                                                      Clock::now() + Comparison::kSliceTime);
    if (!done) return refused(done.error());
    return json_answer(Json{{"put_back", done->count},
                            {"more", done->more},
                            {"last", done->last.to_string()},
                            {"unknown", Json::array()}});
  }
  const auto ids = ids_in(json);
  if (!ids) return ids_needed();
  const auto known = parts.dead_letters.put_back(*ids);
  if (!known) return refused(known.error());
  return json_answer(
      Json{{"put_back", known->size()}, {"more", false}, {"unknown", unknown_ids(json, *known)}});
}

net::HttpAnswer discard_letters(const Json& json, const AdminParts& parts) {
  const auto ids = ids_in(json);
  if (!ids) return ids_needed();
  const auto gone = parts.dead_letters.discard(*ids);
  if (!gone) return refused(gone.error());
  return json_answer(Json{{"discarded", gone->size()}, {"unknown", unknown_ids(json, *gone)}});
}

// Makes what holds a lane a dead letter.
net::HttpAnswer bury_letters(const Json& json, const AdminParts& parts) {
  if (!parts.postgres) return no_postgres();
  const std::string source = text_in(json, "source");
  if (source.empty()) return bad_request("source: the name of a source is needed");
  const std::int64_t count = number_in(json, "count").value_or(1);
  if (count < 1 || count > kApiBuryMax)
    return bad_request("count: is a number from 1 to " + std::to_string(kApiBuryMax));
  std::optional<Uuid> id;
  if (const std::string text = text_in(json, "id"); !text.empty()) {
    id = Uuid::parse(text);
    if (!id) return not_an_id(text);
  }
  const auto done = parts.postgres->lanes.bury(source, static_cast<std::size_t>(count), id);
  if (!done) return refused(done.error());
  return json_answer(Json{{"source", source}, {"buried", done->buried}, {"more", !done->over}});
}

net::HttpAnswer repair_lane(const Json& json, const AdminParts& parts) {
  if (!parts.postgres) return no_postgres();
  const std::string lane = text_in(json, "lane");
  if (!parts.postgres->lanes.repair(lane)) {
    return refused({404, "there is no lane " + lane, "hookspool status lists the lanes."});
  }
  const auto config = parts.postgres->config.get();
  const auto* own = config->options.tables ? config->options.tables->find(lane) : nullptr;
  Json answer{{"lane", lane}, {"comparable", own == nullptr || own->repeatable()}};
  for (const auto& status : parts.postgres->lanes.statuses()) {
    if (status.name == lane) answer["confirmed_seq"] = status.confirmed_seq;
  }
  return json_answer(answer);
}

net::HttpAnswer retry_now(const AdminParts& parts) {
  if (!parts.postgres) return no_postgres();
  parts.postgres->lanes.retry_now();
  return json_answer(Json{{"lanes", parts.postgres->lanes.statuses().size()}});
}

net::HttpAnswer adopt_database(const Json& json, const AdminParts& parts) {
  if (!parts.postgres) return no_postgres();
  const std::string from = text_in(json, "from");
  if (from != "unsent" && from != "beginning") return bad_request("from: is \"unsent\" or \"beginning\"");
  const auto adopted = adopt(parts.journal, parts.postgres->guard, parts.postgres->config.get()->options,
                             from == "unsent" ? AdoptFrom::kUnsent : AdoptFrom::kBeginning);
  if (!adopted) return refused(adopted.error());
  parts.postgres->lanes.retry_now();
  return json_answer(Json{{"sink_id", adopted->sink_id},
                          {"server", adopted->server},
                          {"already", adopted->already},
                          {"watermarks", adopted->watermarks}});
}

Json tally_json(const LaneTally& tally) {
  Json ids = Json::array();
  for (const Uuid& id : tally.missing_ids) ids.push_back(id.to_string());
  return {{"source", tally.lane},         {"comparable", tally.comparable},
          {"error", tally.error},         {"received", tally.received},
          {"in_table", tally.in_table},   {"renumbered", tally.renumbered},
          {"pending", tally.pending},     {"dead", tally.dead},
          {"discarded", tally.discarded}, {"pruned", tally.pruned},
          {"gaps", tally.gaps},           {"unreadable", tally.unreadable},
          {"missing", tally.missing},     {"put_in", tally.put_in},
          {"missing_ids", std::move(ids)}};
}

net::HttpAnswer compare(const Json& json, const AdminParts& parts) {
  if (!parts.postgres) return no_postgres();
  ComparisonRequest wanted;
  wanted.lane = text_in(json, "source");
  wanted.since_us = number_in(json, "since_us");
  wanted.until_us = number_in(json, "until_us");
  wanted.put_in = json.value("put_in", false);
  if (const std::string id = text_in(json, "id"); !id.empty()) {
    wanted.id = Uuid::parse(id);
    if (!wanted.id) return not_an_id(id);
  }
  if (const auto after = json.find("after"); after != json.end() && after->is_object()) {
    wanted.after.lane = text_in(*after, "source");
    wanted.after.epoch = Uuid::parse(text_in(*after, "epoch")).value_or(Uuid{});
    wanted.after.seq = static_cast<std::uint64_t>(number_in(*after, "seq").value_or(0));
  }
  const auto config = parts.postgres->config.get();
  const auto slice = Comparison(parts.journal, parts.postgres->pool, *config).run(wanted);
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
  return json_text_answer(reload_json(parts.reloader.reload()));
}

net::HttpAnswer get(const net::HttpRequest& request, const std::string& what, const AdminParts& parts) {
  constexpr std::string_view kLetter = "dead/";
  if (what == "dead") return list_letters(request, parts);
  if (what.starts_with(kLetter)) return show_letter(what.substr(kLetter.size()), parts);
  return no_such_request();
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
  return no_such_request();
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
    if (what.starts_with(kEventsRequest)) return admin_events(request, what, parts);
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
