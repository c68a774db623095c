#include "agent/admin/admin_events.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/admin/admin_answers.h"
#include "agent/base/instant.h"
#include "agent/intake/admission.h"
#include "agent/lookup/event_life.h"
#include "agent/lookup/event_search.h"
#include "agent/lookup/event_tail.h"

namespace hookspool::agent {
namespace {

using Json = nlohmann::ordered_json;

// A longer body is written as hexadecimal even if it is text: JSON's escapes may make six bytes of one.
constexpr std::size_t kBodyAsTextMax = 8u << 20;

std::optional<std::int64_t> number_in(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number_integer()) return std::nullopt;
  return found->get<std::int64_t>();
}

const char* origin_of(const Event& event) {
  if (!event.requeued_id.is_nil()) return "put_back";
  return event.quarantine_id.is_nil() ? "webhook" : "quarantine";
}

Json event_json(const FoundEvent& found) {
  const Event& event = found.event;
  return {{"id", found.id.to_string()},
          {"source", event.lane},
          {"received_at", format_instant(event.received_at_us)},
          {"epoch", found.epoch.to_string()},
          {"seq", found.seq},
          {"origin", origin_of(event)},
          {"delivery_id", event.delivery_id},
          {"method", event.method},
          {"path", event.path},
          {"query", event.query},
          {"remote_addr", event.remote_addr},
          {"content_type", event.content_type},
          {"body_bytes", found.body_bytes}};
}

void add_contents(Json& json, const Event& event, const Json& wanted) {
  if (wanted.value("headers", false)) json["headers"] = Json::parse(event.headers, nullptr, false);
  if (!wanted.value("body", false)) return;
  if (event.body.size() <= kBodyAsTextMax) {
    add_body(json, event.body);
  } else {
    json["body_hex"] = encode_hex(event.body);
  }
}

void add_standing(Json& json, const EventStanding& standing) {
  json["state"] = to_string(standing.state);
  if (!standing.letter) return;
  json["failed_at"] = format_instant(standing.letter->failed_at_us);
  json["sqlstate"] = standing.letter->sqlstate;
  json["message"] = standing.letter->message;
}

std::optional<storage::LaneRun> run_with(const AdminParts& parts, const StoredEvent& stored) {
  for (const auto& run : parts.journal.runs(stored.event.lane)) {
    if (run.epoch == stored.epoch && run.first_seq <= stored.seq && stored.seq <= run.last_seq) return run;
  }
  return std::nullopt;
}

// A fault of the request, or nothing.
std::optional<net::HttpAnswer> read_criteria(const Json& json, const AdminParts& parts,
                                             EventCriteria& criteria) {
  criteria.source = json.value("source", "");
  criteria.since_us = number_in(json, "since_us");
  criteria.until_us = number_in(json, "until_us");
  criteria.delivery_id = json.value("delivery_id", "");
  if (const std::string id = json.value("id", ""); !id.empty()) {
    criteria.id = Uuid::parse(id);
    if (!criteria.id) return not_an_id(id);
  }
  const std::string where = json.value("where", "");
  if (where.empty()) return std::nullopt;
  auto condition = net::Condition::parse(where);
  if (!condition) return bad_request("where: " + condition.error());
  for (const auto& place : condition->places()) {
    if (place.is_relative())
      return bad_request("where: a pointer begins with /, for it is read from the root of the body");
  }
  criteria.where = std::move(*condition);
  criteria.form_rules = [sources = parts.admission.sources()](const std::string& source) {
    const auto* served = sources->named(source);
    return served == nullptr ? std::nullopt : served->config.form;
  };
  return std::nullopt;
}

// "after" of a request is what the answer before it had.
std::optional<EventSearchRequest::Place> place_in(const Json& json) {
  const auto after = json.find("after");
  if (after == json.end() || !after->is_object()) return std::nullopt;
  return EventSearchRequest::Place{
      after->value("source", ""), Uuid::parse(after->value("epoch", "")).value_or(Uuid{}),
      after->value("seq", std::uint64_t{0}), after->value("found", std::uint64_t{0})};
}

net::HttpAnswer search(const Json& json, const AdminParts& parts) {
  EventSearchRequest wanted;
  if (auto fault = read_criteria(json, parts, wanted.criteria)) return std::move(*fault);
  wanted.per_source = std::max<std::uint64_t>(json.value("per_source", std::uint64_t{1}), 1);
  wanted.after = place_in(json);
  const auto slice = EventSearch(parts.journal).run(wanted);
  if (!slice) return refused(slice.error());
  Json answer{{"events", Json::array()}, {"looked_at", slice->looked_at}, {"unreadable", slice->unreadable}};
  for (const auto& found : slice->events) {
    Json each = event_json(found);
    add_standing(each, event_standing(found, parts.dead_letters));
    answer["events"].push_back(std::move(each));
  }
  if (slice->after) {
    answer["after"] = {{"source", slice->after->lane},
                       {"epoch", slice->after->epoch.to_string()},
                       {"seq", slice->after->seq},
                       {"found", slice->after->found}};
  }
  return json_answer(answer);
}

// What its lane does about an event that waits.
void add_lane(Json& json, const FoundEvent& found, const AdminParts& parts) {
  if (!parts.postgres) return;
  for (const auto& lane : parts.postgres->lanes.statuses()) {
    if (lane.name != found.event.lane) continue;
    json["lane"] = {{"state", lane.state},
                    {"pending", lane.pending},
                    {"confirmed_seq", lane.confirmed_seq},
                    {"error", lane.error},
                    {"hint", lane.hint},
                    {"sqlstate", lane.sqlstate},
                    {"tries_failed", lane.tries_failed},
                    {"next_try_in_ms", lane.next_try_in.count()},
                    {"refuses_this_event", lane.refused_id == found.id}};
    return;
  }
}

// Nothing: the halving does not find it; a search may.
AdminResult<EventPtr> event_wanted(const Json& json, const AdminParts& parts) {
  const auto epoch = Uuid::parse(json.value("epoch", ""));
  if (epoch) {
    auto read =
        parts.journal.read(json.value("source", ""), *epoch, json.value("seq", std::uint64_t{0}), 1, 1);
    if (!read) return fail(AdminError{404, read.error().text, ""});
    return std::move(read->front());
  }
  const auto id = Uuid::parse(json.value("id", ""));
  if (!id) return fail(AdminError{404, "\"" + json.value("id", "") + "\" is not an event's id", ""});
  return EventSearch(parts.journal).find_accepted(*id, json.value("source", ""));
}

net::HttpAnswer show(const Json& json, const AdminParts& parts) {
  const auto event = event_wanted(json, parts);
  if (!event) return refused(event.error());
  if (!*event) return json_answer(Json{{"event", nullptr}});
  const StoredEvent& stored = **event;
  const auto run = run_with(parts, stored);
  const FoundEvent found = found_event(stored, run ? *run : storage::LaneRun{});
  Json answer = event_json(found);
  add_standing(answer, event_standing(found, parts.dead_letters));
  const auto sources = parts.admission.sources();
  const auto* source = sources->named(stored.event.lane);
  // Without [sources] any name is one, and is taken unseen.
  answer["verify"] = source != nullptr  ? Json(source->config.verify)
                     : sources->empty() ? Json("none")
                                        : Json();
  if (!found.passed) add_lane(answer, found, parts);
  if (parts.postgres) {
    const auto config = parts.postgres->config.get();
    const auto standing = postgres_standing(*event, parts.journal.agent_id(), parts.postgres->pool, *config);
    answer["postgres"] = standing.place.empty() ? Json{{"unknown_because", standing.unknown_because}}
                                                : Json{{"place", standing.place}};
  }
  add_contents(answer, stored.event, json);
  return json_answer(Json{{"event", std::move(answer)}});
}

Json places_json(const TailPlaces& places) {
  Json json = Json::object();
  for (const auto& [lane, place] : places)
    json[lane] = {{"epoch", place.epoch.to_string()}, {"seq", place.seq}};
  return json;
}

std::optional<TailPlaces> places_in(const Json& json) {
  const auto given = json.find("places");
  if (given == json.end() || !given->is_object()) return std::nullopt;
  TailPlaces places;
  for (const auto& [lane, place] : given->items()) {
    places[lane] = {Uuid::parse(place.value("epoch", "")).value_or(Uuid{}),
                    place.value("seq", std::uint64_t{0})};
  }
  return places;
}

net::HttpAnswer tail(const Json& json, const AdminParts& parts) {
  const std::string source = json.value("source", "");
  const auto places = places_in(json);
  if (!places) {
    return json_answer(Json{{"events", Json::array()},
                            {"left_out", 0},
                            {"more", false},
                            {"places", places_json(tail_now(parts.journal, source))},
                            {"intake", parts.intake}});
  }
  const auto slice = tail_after(parts.journal, source, *places, json.value("turn", std::uint64_t{0}));
  if (!slice) return refused(slice.error());
  Json answer{{"events", Json::array()}, {"left_out", slice->left_out}, {"more", slice->more}};
  for (const EventPtr& event : slice->events) {
    Json each = event_json(found_event(*event, {}));
    add_contents(each, event->event, json);
    answer["events"].push_back(std::move(each));
  }
  answer["places"] = places_json(slice->places);
  return json_answer(answer);
}

}  // namespace

net::HttpAnswer admin_events(const net::HttpRequest& request, const std::string& what,
                             const AdminParts& parts) {
  if (request.method != "POST") return no_such_request();
  const auto json = Json::parse(request.body.empty() ? "{}" : request.body, nullptr, false);
  if (!json.is_object()) return bad_request("the body is not a JSON object");
  const std::string rest = what.substr(kEventsRequest.size());
  if (rest == "search") return search(json, parts);
  if (rest == "show") return show(json, parts);
  if (rest == "tail") return tail(json, parts);
  return no_such_request();
}

}  // namespace hookspool::agent
