// Where alerts go: one try at sending one, to a webhook or a command, as the configuration says. Blocks for as long as that
// takes, within the limits of net/http/web_request.h and command_timeout. Thread-safe (holds no state).
#pragma once

#include <string>
#include <string_view>

#include "agent/alerts/alert.h"
#include "agent/config/config.h"
#include "net/http/call_deadline.h"

namespace hookspool::agent {

enum class AlertDestination { kWebhook, kCommand };
inline constexpr AlertDestination kAlertDestinations[] = {AlertDestination::kWebhook,
                                                          AlertDestination::kCommand};

std::string_view destination_name(AlertDestination destination);  // "webhook", "command"
// "webhook https://example.com", "command /usr/local/bin/alert": without what may be secret.
std::string shown_destination(AlertDestination destination, const AlertsConfig& config);
bool is_configured(AlertDestination destination, const AlertsConfig& config);

// "msg_" and 128 random bits: one alert at one destination, for all tries.
std::string new_alert_id();

struct AlertSending {
  bool sent = false;
  std::string came_back;  // "200 ok", "exit code 1: no such team": one line, printable
};

// REQUIRES: is_configured()
AlertSending send_alert(AlertDestination destination, const AlertsConfig& config, const std::string& id,
                        const Alert& alert, const AlertOrigin& origin, net::Cancellation& cancellation);

}  // namespace hookspool::agent
