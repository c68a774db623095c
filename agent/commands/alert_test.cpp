// A test alert to each destination of [alerts], from here: no agent is asked.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "agent/alerts/alert_destination.h"
#include "agent/base/exit_codes.h"
#include "agent/base/host_name.h"
#include "agent/base/wall_clock.h"
#include "agent/commands/commands.h"
#include "agent/commands/output.h"

namespace hookspool::agent {

int AlertTestCommand::run(const Config& config, bool json) const {
  using Json = nlohmann::ordered_json;
  if (!config.alerts.sends_anything()) {
    tell("[alerts] names no destination: set webhook_url or command\n");
    return kExitConfig;
  }
  const std::int64_t now_us = wall_clock_us();
  const Alert alert{{AlertKind::kTest, "", "this is a test, nothing is wrong", ""}, false, now_us, now_us};
  const AlertOrigin origin{config.agent_id, host_name()};
  net::Cancellation never;
  Json report = Json::array();
  bool all_sent = true;
  for (const AlertDestination destination : kAlertDestinations) {
    if (!is_configured(destination, config.alerts)) continue;
    const auto sending = send_alert(destination, config.alerts, new_alert_id(), alert, origin, never);
    all_sent = all_sent && sending.sent;
    const std::string shown = shown_destination(destination, config.alerts);
    report.push_back({{"destination", shown}, {"sent", sending.sent}, {"came_back", sending.came_back}});
    if (!json)
      print("%-8s %s: %s\n", sending.sent ? "ok" : "failed", shown.c_str(), sending.came_back.c_str());
  }
  if (json) print_data(report.dump(2, ' ', true, Json::error_handler_t::replace) + "\n");
  return all_sent ? kExitOk : kExitUnavailable;
}

}  // namespace hookspool::agent
