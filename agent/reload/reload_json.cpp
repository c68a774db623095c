#include "agent/reload/reload_json.h"

#include <nlohmann/json.hpp>

#include "agent/base/instant.h"

namespace hookspool::agent {

std::string reload_json(const ReloadOutcome& outcome) {
  using Json = nlohmann::ordered_json;
  Json json{{"result", outcome.done ? "ok" : "refused"}, {"at", format_instant(outcome.at_us)}};
  if (outcome.done) {
    json["changed"] = outcome.changed;
    json["needs_restart"] = outcome.needs_restart;
  } else {
    json["reasons"] = outcome.faults;
  }
  return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

}  // namespace hookspool::agent
