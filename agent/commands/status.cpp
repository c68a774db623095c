#include <cstdio>
#include <nlohmann/json.hpp>

#include "agent/base/exit_codes.h"
#include "agent/base/instant.h"
#include "agent/base/log.h"
#include "agent/base/units.h"
#include "agent/base/wall_clock.h"
#include "agent/commands/commands.h"
#include "agent/commands/interrupt.h"
#include "agent/commands/live_screen.h"
#include "agent/commands/no_agent.h"
#include "agent/commands/output.h"
#include "net/http/client.h"

namespace hookspool::agent {
namespace {

using Json = nlohmann::json;
constexpr milliseconds kDeadline{5'000};
constexpr std::size_t kFieldBytesMax = 4096;

std::string text_at(const Json& json, const char* pointer) {
  const auto value = json.value(Json::json_pointer(pointer), Json());
  return value.is_string() ? value.get<std::string>() : value.is_null() ? "" : value.dump();
}

std::string seconds_at(const Json& json, const char* pointer) {
  const auto value = json.value(Json::json_pointer(pointer), Json(0.0));
  return format_duration(milliseconds(static_cast<std::int64_t>(value.get<double>() * 1000)));
}

void print_keep_rows(const Json& health) {
  if (!health.contains(Json::json_pointer("/postgres/keep_rows"))) return;
  print("keep_rows  %s, %s rows deleted since the start\n",
        seconds_at(health, "/postgres/keep_rows/keep_seconds").c_str(),
        text_at(health, "/postgres/keep_rows/deleted_rows").c_str());
  const auto consumer = printable(text_at(health, "/postgres/keep_rows/held/consumer"), kFieldBytesMax);
  if (!consumer.empty()) {
    print("           rows of source %s stay: consumer %s has not read them\n",
          printable(text_at(health, "/postgres/keep_rows/held/source"), kFieldBytesMax).c_str(),
          consumer.c_str());
  }
  const auto error = printable(text_at(health, "/postgres/keep_rows/last_error/text"), kFieldBytesMax);
  if (!error.empty()) print("           %s\n", error.c_str());
  const auto hint = text_at(health, "/postgres/keep_rows/last_error/hint");
  if (!hint.empty()) print("%s\n", hint.c_str());
}

void print_postgres(const Json& health) {
  if (!health.value(Json::json_pointer("/postgres/configured"), false)) {
    print("postgres   none configured\n");
    return;
  }
  if (health.value(Json::json_pointer("/postgres/up"), false)) {
    print("postgres   up: %s\n", text_at(health, "/postgres/server").c_str());
  } else {
    print("postgres   down for %s, next try in %s: %s\n",
          seconds_at(health, "/postgres/recovery/down_for_seconds").c_str(),
          seconds_at(health, "/postgres/recovery/next_try_in_seconds").c_str(),
          printable(text_at(health, "/postgres/last_error/text"), kFieldBytesMax).c_str());
    const auto hint = text_at(health, "/postgres/last_error/hint");
    if (!hint.empty()) print("%s\n", hint.c_str());
  }
  print("pool       %s of %s open, %s in use\n", text_at(health, "/postgres/pool/open").c_str(),
        text_at(health, "/postgres/pool/size").c_str(), text_at(health, "/postgres/pool/in_use").c_str());
  print_keep_rows(health);
  print("outages    %s, the last one %s\n", text_at(health, "/postgres/recovery/outages").c_str(),
        seconds_at(health, "/postgres/recovery/last_outage_seconds").c_str());
}

// What of a lane's events became no row of its tables.
void print_rows(const Json& lane) {
  const auto number = [&](const char* name) { return lane.value(name, std::uint64_t{0}); };
  if (number("items_empty") > 0 || number("items_missing") > 0) {
    print("           for_each: %llu events without an element, %llu places without a list\n",
          static_cast<unsigned long long>(number("items_empty")),
          static_cast<unsigned long long>(number("items_missing")));
  }
  if (number("rows_filtered") > 0) {
    print("           where: %llu rows left out\n", static_cast<unsigned long long>(number("rows_filtered")));
  }
}

void print_intake(const Json& health) {
  print("intake     %s accepted, answers in %s ms (p50), %s ms (p99)\n",
        text_at(health, "/intake/accepted").c_str(), text_at(health, "/intake/response_ms/p50").c_str(),
        text_at(health, "/intake/response_ms/p99").c_str());
  if (const auto filtered = health.value(Json::json_pointer("/intake/filtered"), 0ull); filtered > 0)
    print("           %llu more were not kept, by keep of their sources\n", filtered);
}

void print_health(const Json& health) {
  print("mode       %s (%s), up for %s, version %s\n", text_at(health, "/mode").c_str(),
        text_at(health, "/status").c_str(), seconds_at(health, "/uptime_seconds").c_str(),
        text_at(health, "/version").c_str());
  if (text_at(health, "/last_reload/result") == "refused") {
    print("config     the changed file is refused, the old one counts (%s)\n",
          text_at(health, "/last_reload/at").c_str());
    for (const auto& reason : health.value(Json::json_pointer("/last_reload/reasons"), Json::array()))
      print("           %s\n", reason.is_string() ? reason.get<std::string>().c_str() : "");
  }
  print("journal    %s waiting, %s of %s\n", text_at(health, "/journal/pending").c_str(),
        format_bytes(health.value(Json::json_pointer("/journal/bytes"), 0ull)).c_str(),
        format_bytes(health.value(Json::json_pointer("/journal/bytes_max"), 0ull)).c_str());
  const auto refusing = text_at(health, "/journal/refusing_because");
  if (!refusing.empty()) print("           refusing: %s\n", refusing.c_str());
  if (const auto lost = health.value(Json::json_pointer("/journal/lost"), 0ull); lost > 0) {
    print("           %llu acknowledged events LOST BY THE DISK: see the log and hookspool.gaps\n", lost);
  }
  if (health.value(Json::json_pointer("/journal/unreadable_segments"), 0ull) > 0) {
    print("           cannot be read, and is tried again: %s\n",
          text_at(health, "/journal/unreadable_because").c_str());
  }
  if (const auto files = health.value(Json::json_pointer("/journal/set_aside_files"), 0ull); files > 0) {
    print(
        "           damaged files lie in the folder (%llu): stop the agent and run hookspool salvage "
        "--config ...\n",
        files);
  }
  if (health.value(Json::json_pointer("/journal/seconds_until_full"), Json()).is_number()) {
    print("           full in %s if it goes on like this\n",
          seconds_at(health, "/journal/seconds_until_full").c_str());
  }
  for (const auto& source : health.value(Json::json_pointer("/journal/refused_sources"), Json::array())) {
    print("           source %s is refused: %s\n", text_at(source, "/source").c_str(),
          text_at(source, "/because").c_str());
  }
  print_intake(health);
  print_postgres(health);
  for (const auto& lane : health.value("lanes", Json::array())) {
    print("lane       %-20s %-12s %s waiting\n", text_at(lane, "/lane").c_str(),
          text_at(lane, "/state").c_str(), text_at(lane, "/pending").c_str());
    print_rows(lane);
    const auto error = printable(text_at(lane, "/error"), kFieldBytesMax), hint = text_at(lane, "/hint");
    if (!error.empty()) print("           %s\n", error.c_str());
    if (!hint.empty()) print("%s\n", hint.c_str());
  }
}

}  // namespace

int StatusCommand::run(const Config& config, bool json) const {
  const std::string where = address.empty() ? config.admin.listen : address;
  const auto answer = net::http_call(where, "GET", "/health", {}, "", kDeadline);
  if (!answer) return tell_no_agent(where, answer.error(), "--admin HOST:PORT");
  if (json) {
    print_data(answer->body);
  } else {
    const auto health = Json::parse(answer->body, nullptr, false);
    if (!health.is_object()) {
      tell("%s answered %d, but not as an agent does\n", where.c_str(), answer->status);
      return kExitUnavailable;
    }
    print_health(health);
  }
  return answer->status == 200 ? kExitOk : kExitTempFail;
}

int StatusCommand::watch(const Config& config, unsigned every_seconds) const {
  end_by_signal();
  LiveScreen screen;
  do {
    const std::string status = said_by([&] { (void)run(config, false); });
    const std::string moment = format_instant(wall_clock_us()).substr(0, 19) + "Z";
    if (!screen.draw(moment + ", every " + std::to_string(every_seconds) + " s; Ctrl-C ends it\n" + status))
      break;
  } while (!wait_for_end(std::chrono::seconds(every_seconds)));
  return kExitOk;
}

}  // namespace hookspool::agent
