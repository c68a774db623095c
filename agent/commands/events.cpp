#include "agent/commands/events.h"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>
#include <vector>

#include "agent/base/exit_codes.h"
#include "agent/base/instant.h"
#include "agent/base/units.h"
#include "agent/base/wall_clock.h"
#include "agent/commands/admin_call.h"
#include "agent/commands/event_text.h"
#include "agent/commands/output.h"
#include "agent/commands/progress.h"

namespace hookspool::agent {
namespace {

using Json = nlohmann::ordered_json;

std::uint64_t number(const Json& json, const char* key) {
  return json.value(key, std::uint64_t{0});
}

bool add_instant(Json& request, const char* key, const std::string& text) {
  if (text.empty()) return true;
  const auto instant = parse_instant(text, wall_clock_us());
  if (!instant) {
    tell("\"%s\" is no time: write \"2h\" (ago) or \"2026-11-23T14:00:00Z\"\n", text.c_str());
    return false;
  }
  request[key] = *instant;
  return true;
}

// The newest of what the slices of a search bring, whichever source they are of.
class Newest {
 public:
  explicit Newest(std::uint64_t limit) : limit_(limit) {}

  void add(const Json& event) {
    of_source_[field(event, "source")] += 1;
    events_.push_back(event);
    if (events_.size() >= 2 * limit_) trim();
  }
  // Oldest first.
  std::vector<Json> take() {
    trim();
    std::reverse(events_.begin(), events_.end());
    return std::move(events_);
  }
  // There may be older ones that fit.
  bool is_cut() const {
    return cut_ || std::any_of(of_source_.begin(), of_source_.end(),
                               [&](const auto& source) { return source.second >= limit_; });
  }

 private:
  void trim() {
    std::sort(events_.begin(), events_.end(), [](const Json& a, const Json& b) {
      return std::tuple(field(a, "id"), number(a, "seq")) > std::tuple(field(b, "id"), number(b, "seq"));
    });
    cut_ = cut_ || events_.size() > limit_;
    if (events_.size() > limit_) events_.resize(limit_);
  }

  const std::uint64_t limit_;
  std::vector<Json> events_;
  std::map<std::string, std::uint64_t> of_source_;
  bool cut_ = false;
};

struct Searched {
  int code = kExitOk;
  std::uint64_t looked_at = 0, unreadable = 0;
};

// Slice by slice, to the end.
Searched search(const Config& config, const AdminTarget& target, Json request, Newest& newest) {
  Searched searched;
  Progress progress;
  for (;;) {
    const auto call = admin_call(config, target.socket, "events/search", request.dump());
    searched.code = call.code;
    if (call.code != kExitOk) return searched;
    const auto slice = Json::parse(call.body);
    for (const auto& event : slice.at("events")) newest.add(event);
    searched.looked_at += number(slice, "looked_at");
    searched.unreadable += number(slice, "unreadable");
    const auto after = slice.find("after");
    if (after == slice.end()) return searched;
    request["after"] = *after;
    progress.show(std::to_string(searched.looked_at) + " events looked at");
  }
}

void print_line(const Json& event) {
  const std::string why = field(event, "sqlstate").empty()
                              ? printable(field(event, "delivery_id"))
                              : shown(event, "sqlstate") + " " + printable(field(event, "message"));
  print("%s  %-16s %s  %-9s %10s  %s\n", field(event, "id").c_str(), shown(event, "source").c_str(),
        field(event, "received_at").c_str(), shown(event, "state").c_str(),
        format_bytes(number(event, "body_bytes")).c_str(), why.c_str());
}

void print_list(const std::vector<Json>& events) {
  if (!events.empty() && ::isatty(STDOUT_FILENO) == 1) {
    tell("%-36s  %-16s %-27s  %-9s %10s  %s\n", "id", "source", "received at", "state", "body",
         "delivery id, or why it is dead");
  }
  for (const auto& event : events) print_line(event);
}

const char* postgres_text(const std::string& place) {
  static const std::map<std::string, const char*> kTexts = {
      {"table", "a row of its table"},
      {"dead_letters", "a dead letter"},
      {"discarded", "none: an administrator has discarded it"},
      {"no_row", "no row: for_each or where of its table makes none of it"},
      {"pruned", "no row any more: keep_rows has deleted it"},
      {"nowhere", "nothing"},
  };
  const auto found = kTexts.find(place);
  return found == kTexts.end() ? "?" : found->second;
}

void print_receipt(const Json& event) {
  const std::string from = shown(event, "remote_addr"), query = field(event, "query");
  print("%-12s %s\n", "id", field(event, "id").c_str());
  print("%-12s %s\n", "source", shown(event, "source").c_str());
  print("%-12s %s, from %s\n", "received", shown(event, "received_at").c_str(),
        from.empty() ? "a Unix socket" : from.c_str());
  print("%-12s %s %s%s\n", "request", shown(event, "method").c_str(), shown(event, "path").c_str(),
        query.empty() ? "" : printable("?" + query, kFieldBytesMax).c_str());
  if (!field(event, "delivery_id").empty())
    print("%-12s %s\n", "delivery id", shown(event, "delivery_id").c_str());
  const std::string type = shown(event, "content_type");
  print("%-12s %s%s%s\n", "body", format_bytes(number(event, "body_bytes")).c_str(), type.empty() ? "" : ", ",
        type.c_str());
  const std::string origin = field(event, "origin"), verify = field(event, "verify");
  if (verify.empty()) {
    print("%-12s by the rules of its source, which is not configured any more\n", "verified");
  } else if (verify == "none") {
    print("%-12s no: its source takes everything (verify = \"none\")\n", "verified");
  } else {
    print("%-12s %s (%s)\n", "verified",
          origin == "quarantine" ? "later, out of the quarantine" : "when it came",
          printable(verify).c_str());
  }
  print("%-12s number %s of epoch %s%s\n", "durable", field(event, "seq").c_str(),
        field(event, "epoch").c_str(), origin == "put_back" ? ", put back after it was a dead letter" : "");
}

void print_waiting(const Json& lane) {
  print("%-12s its lane is %s: PostgreSQL has passed number %s, %s wait\n", "", shown(lane, "state").c_str(),
        field(lane, "confirmed_seq").c_str(), field(lane, "pending").c_str());
  const std::string error = shown(lane, "error"), hint = field(lane, "hint");
  if (!error.empty()) {
    print("%-12s %s: %s %s\n", "",
          lane.value("refuses_this_event", false) ? "refused" : "the lane's last failure",
          shown(lane, "sqlstate").c_str(), error.c_str());
  }
  if (!hint.empty()) print("%-12s %s\n", "", hint.c_str());
  if (number(lane, "next_try_in_ms") > 0)
    print("%-12s next try in %s\n", "",
          format_duration(milliseconds(number(lane, "next_try_in_ms"))).c_str());
}

void print_fate(const Json& event) {
  const std::string state = field(event, "state");
  if (state == "delivered") {
    print("%-12s delivered: PostgreSQL has passed its number\n", "state");
  } else if (state == "waiting") {
    print("%-12s waiting for PostgreSQL\n", "state");
    if (event.contains("lane")) print_waiting(event.at("lane"));
  } else {
    print("%-12s %s\n", "state",
          state == "put_back" ? "a dead letter that was put back, on its way" : "dead");
    print("%-12s refused at %s: %s %s\n", "", field(event, "failed_at").c_str(),
          shown(event, "sqlstate").c_str(), shown(event, "message").c_str());
    if (state == "dead") print("%-12s hookspool dead retry %s\n", "", field(event, "id").c_str());
  }
  const auto postgres = event.find("postgres");
  if (postgres == event.end()) return;
  const std::string place = field(*postgres, "place");
  if (place.empty()) {
    print("%-12s not known: %s\n", "PostgreSQL", shown(*postgres, "unknown_because").c_str());
    return;
  }
  print("%-12s %s\n", "PostgreSQL", postgres_text(place));
  if (place == "nowhere" && state == "delivered")
    print("%-12s hookspool replay --id %s\n", "", field(event, "id").c_str());
}

// The event, whose id says where it lies, or which a search finds: one that was put back or admitted from the quarantine.
AdminCall find(const Config& config, const AdminTarget& target, Json request) {
  auto call = admin_call(config, target.socket, "events/show", request.dump());
  if (call.code != kExitOk || !Json::parse(call.body).at("event").is_null()) return call;
  Newest newest(1);
  const Json wanted{{"id", request.at("id")}, {"per_source", 1}};
  const auto searched = search(config, target, wanted, newest);
  if (searched.code != kExitOk) return {searched.code, ""};
  const auto found = newest.take();
  if (found.empty()) {
    tell("no retained event has the id %s\n", printable(field(request, "id")).c_str());
    tell("The journal keeps delivered events for [journal] keep_delivered; rows stay in PostgreSQL.\n");
    if (searched.unreadable > 0)
      tell("%llu damaged events could not be looked at\n",
           static_cast<unsigned long long>(searched.unreadable));
    return {kExitData, ""};
  }
  for (const char* key : {"source", "epoch", "seq"}) request[key] = found.front().at(key);
  return admin_call(config, target.socket, "events/show", request.dump());
}

}  // namespace

int EventsCommand::list(const Config& config, const AdminTarget& target) const {
  Json request{{"source", source}, {"delivery_id", delivery_id}, {"where", where}, {"per_source", limit}};
  if (!id.empty()) request["id"] = id;
  const std::string from = since.empty() && id.empty() ? kEventsSince : since;
  if (!add_instant(request, "since_us", from) || !add_instant(request, "until_us", until)) return kExitUsage;
  Newest newest(limit);
  const auto searched = search(config, target, std::move(request), newest);
  if (searched.code != kExitOk) return searched.code;
  const bool more = newest.is_cut();
  const auto events = newest.take();
  if (target.json) {
    print("%s\n", Json{{"events", events},
                       {"more", more},
                       {"looked_at", searched.looked_at},
                       {"unreadable", searched.unreadable}}
                      .dump(2, ' ', true)
                      .c_str());
    return kExitOk;
  }
  print_list(events);
  if (events.empty())
    tell("nothing of that kind%s\n",
         since.empty() && id.empty() ? " in the last hour; --since 24h looks further back" : "");
  if (more) tell("the newest %zu; --limit shows more\n", events.size());
  if (searched.unreadable > 0)
    tell("%llu damaged events could not be looked at\n",
         static_cast<unsigned long long>(searched.unreadable));
  return kExitOk;
}

int EventsCommand::show(const Config& config, const AdminTarget& target) const {
  const auto call = find(config, target, Json{{"id", id}, {"headers", headers}, {"body", body}});
  if (call.code != kExitOk) return call.code;
  const Json event = Json::parse(call.body).at("event");
  if (target.json) {
    print("%s\n", event.dump(2, ' ', true).c_str());
    return kExitOk;
  }
  if (body && !headers) {
    print_raw(body_of(event));
    return kExitOk;
  }
  print_receipt(event);
  print_fate(event);
  if (headers) print("%-12s %s\n", "headers", event.value("headers", Json()).dump(2, ' ', true).c_str());
  if (body) print_raw("\n" + body_of(event) + "\n");
  return kExitOk;
}

}  // namespace hookspool::agent
