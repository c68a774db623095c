#include <cstdio>
#include <nlohmann/json.hpp>

#include "agent/base/exit_codes.h"
#include "agent/commands/admin_call.h"
#include "agent/commands/commands.h"
#include "agent/commands/output.h"

namespace hookspool::agent {
namespace {

using Json = nlohmann::json;

void print_list(const char* what, const Json& lines) {
  for (const auto& line : lines) {
    print("%s %s\n", what, line.is_string() ? line.get<std::string>().c_str() : "?");
    what = "         ";
  }
}

void print_outcome(const Json& outcome) {
  const auto list = [&](const char* key) { return outcome.value(key, Json::array()); };
  if (outcome.value("result", "") != "ok") {
    tell("refused: the agent keeps the configuration it has\n");
    for (const auto& reason : list("reasons")) {
      if (reason.is_string()) tell("%s\n", reason.get<std::string>().c_str());
    }
    return;
  }
  if (list("changed").empty()) print("nothing has changed\n");
  print_list("changed  ", list("changed"));
  print_list("restart  ", list("needs_restart"));
}

}  // namespace

int ReloadCommand::run(const std::string& config_file, bool json) const {
  Config where;
  if (socket.empty()) {
    auto found = admin_part(config_file);
    if (!found) {
      for (const auto& line : found.error().lines) tell("%s\n", line.c_str());
      tell("so the agent was not asked, and keeps the configuration it has\n");
      return exit_code_of(found.error());
    }
    where = std::move(*found);
  }
  const auto call = admin_call(where, socket, "reload", "{}");
  if (call.code != kExitOk) return call.code;
  const auto outcome = Json::parse(call.body, nullptr, false);
  if (!outcome.is_object()) return kExitUnavailable;
  if (json) {
    print_data(call.body);
  } else {
    print_outcome(outcome);
  }
  return outcome.value("result", "") == "ok" ? kExitOk : kExitConfig;
}

}  // namespace hookspool::agent
