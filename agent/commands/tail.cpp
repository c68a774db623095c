#include "agent/commands/tail.h"

#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "agent/base/exit_codes.h"
#include "agent/base/units.h"
#include "agent/commands/admin_call.h"
#include "agent/commands/event_text.h"
#include "agent/commands/forwarder.h"
#include "agent/commands/interrupt.h"
#include "agent/commands/output.h"

namespace hookspool::agent {
namespace {

using Json = nlohmann::ordered_json;
using Headers = std::vector<std::pair<std::string, std::string>>;

constexpr milliseconds kPause{250};      // before the agent is asked again, when there was nothing more
constexpr milliseconds kAwayPause{500};  // before it is, when it did not answer

Headers headers_of(const Json& event) {
  Headers headers;
  const Json all = event.value("headers", Json::object());
  for (const auto& [name, value] : all.items()) {
    if (value.is_string()) headers.emplace_back(name, value.get<std::string>());
    if (!value.is_array()) continue;
    for (const auto& each : value)
      if (each.is_string()) headers.emplace_back(name, each.get<std::string>());
  }
  return headers;
}

bool was_forwarded(const Json& event) {
  return event.value("headers", Json::object()).contains(std::string(kForwardedHeader));
}

std::string outcome_of(const Forwarded& forwarded) {
  const std::string took = std::to_string(forwarded.took.count()) + " ms";
  if (forwarded.status == 0) return "not delivered: " + printable(forwarded.error, kFieldBytesMax);
  return std::to_string(forwarded.status) + " in " + took;
}

// One line an event, or one JSON object a line.
class Lines {
 public:
  Lines(const TailCommand& command, bool json) : command_(command), json_(json) {}

  void print_event(Json event, const std::optional<Forwarded>& forwarded, bool came_back) const {
    if (json_) {
      print_json(std::move(event), forwarded, came_back);
      return;
    }
    const std::string outcome = came_back   ? "left out: it was passed on before"
                                : forwarded ? outcome_of(*forwarded)
                                            : printable(field(event, "delivery_id"));
    print("%s  %-16s %s  %10s  %s\n", field(event, "received_at").c_str(), shown(event, "source").c_str(),
          field(event, "id").c_str(), format_bytes(event.value("body_bytes", std::uint64_t{0})).c_str(),
          outcome.c_str());
  }

 private:
  void print_json(Json event, const std::optional<Forwarded>& forwarded, bool came_back) const {
    if (!command_.headers) event.erase("headers");
    if (!command_.body) {
      event.erase("body");
      event.erase("body_hex");
    }
    if (came_back) event["forwarded"] = {{"left_out", true}};
    if (forwarded && forwarded->status != 0)
      event["forwarded"] = {{"status", forwarded->status}, {"ms", forwarded->took.count()}};
    if (forwarded && forwarded->status == 0) event["forwarded"] = {{"error", forwarded->error}};
    print_data(event.dump(-1, ' ', true) + "\n");
  }

  const TailCommand& command_;
  const bool json_;
};

void tell_beginning(const TailCommand& command, const std::optional<Forwarder>& forwarder) {
  const std::string what =
      command.source.empty() ? std::string("webhooks") : "webhooks of " + printable(command.source);
  if (forwarder) {
    tell("%s from now on go to %s as well, each once; Ctrl-C ends it\n", what.c_str(),
         printable(forwarder->url(), kFieldBytesMax).c_str());
    tell("Authorization, Cookie and a source's own token are never stored, so they are not sent.\n");
  } else {
    tell("%s from now on; Ctrl-C ends it\n", what.c_str());
  }
}

void show(const Json& event, const std::optional<Forwarder>& forwarder, const Lines& lines) {
  const bool came_back = forwarder && was_forwarded(event);
  std::optional<Forwarded> forwarded;
  if (forwarder && !came_back) {
    forwarded =
        forwarder->send(field(event, "method"), field(event, "query"), headers_of(event), body_of(event));
  }
  lines.print_event(event, forwarded, came_back);
}

// Waits for an agent that is restarted: the places say where to go on. Nothing: a signal came.
std::optional<AdminCall> next_slice(const Config& config, const AdminTarget& target, const Json& request) {
  bool away = false;
  while (!is_ended()) {
    auto answer = admin_call_if_there(config, target.socket, "events/tail", request.dump());
    if (answer) {
      if (away) tell("the agent is back\n");
      return answer;
    }
    if (!away) tell("the agent does not answer; waiting for it\n");
    away = true;
    wait_for_end(kAwayPause);
  }
  return std::nullopt;
}

}  // namespace

int TailCommand::run(const Config& config, const AdminTarget& target) const {
  Json request{{"source", source}};
  auto call = admin_call(config, target.socket, "events/tail", request.dump());
  if (call.code != kExitOk) return call.code;
  const auto beginning = Json::parse(call.body);
  std::optional<Forwarder> forwarder;
  if (!forward.empty()) {
    auto made = Forwarder::to(forward, field(beginning, "intake"));
    if (!made) {
      tell("--forward: %s\n", printable(made.error(), kFieldBytesMax).c_str());
      return kExitUsage;
    }
    forwarder = std::move(*made);
  }
  request["places"] = beginning.at("places");
  request["headers"] = headers || forwarder.has_value();
  request["body"] = body || forwarder.has_value();
  end_by_signal();
  tell_beginning(*this, forwarder);
  const Lines lines(*this, target.json);
  for (std::uint64_t turn = 0; !is_ended(); ++turn) {
    request["turn"] = turn;
    const auto answer = next_slice(config, target, request);
    if (!answer) break;
    if (answer->code != kExitOk) return answer->code;
    const auto slice = Json::parse(answer->body);
    if (const auto left_out = slice.value("left_out", std::uint64_t{0}); left_out > 0)
      tell("%llu left out: too many came meanwhile, or the journal holds them no more\n",
           static_cast<unsigned long long>(left_out));
    for (const auto& event : slice.at("events")) {
      if (is_ended()) break;
      show(event, forwarder, lines);
      // Nothing reads it any more; finish_output() says so.
      if (std::fflush(stdout) != 0) return kExitOk;
    }
    request["places"] = slice.at("places");
    if (!slice.value("more", false)) wait_for_end(kPause);
  }
  return kExitOk;
}

}  // namespace hookspool::agent
