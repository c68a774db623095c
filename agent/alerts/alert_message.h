// An alert as the bytes that are sent: JSON for a webhook and for a command, and Slack's form. Pure; thread-safe.
// Source: Standard Webhooks, spec/standard-webhooks.md ("Payload structure", "Webhook headers", "Symmetric signatures").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/alerts/alert.h"
#include "agent/config/config.h"

namespace hookspool::agent {

inline constexpr std::size_t kAlertTextBytesMax = 1'000;  // of each text in it

// {"type": "hookspool.alert.offline", "timestamp": ..., "data": {...}}: OPERATIONS.md, "Alerts".
std::string alert_json(const Alert& alert, const AlertOrigin& origin);
// {"text": ...}
std::string alert_slack(const Alert& alert, const AlertOrigin& origin);
// In the form that is configured.
std::string webhook_body(const Alert& alert, const AlertOrigin& origin, AlertsConfig::Format format);

// Content-Type, webhook-id, webhook-timestamp, and webhook-signature where there is a secret. `id` stays the same for all tries
// of one alert; `now_us`: of this one.
std::vector<std::pair<std::string, std::string>> webhook_headers(const std::string& id, std::int64_t now_us,
                                                                 std::string_view body,
                                                                 const std::string& secret);

}  // namespace hookspool::agent
