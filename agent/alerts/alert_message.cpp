#include "agent/alerts/alert_message.h"

#include <nlohmann/json.hpp>

#include "agent/base/instant.h"
#include "agent/base/units.h"
#include "agent/base/version.h"
#include "net/verify/digest.h"
#include "net/verify/encoding.h"
#include "storage/model/printable.h"

namespace hookspool::agent {
namespace {

using Json = nlohmann::ordered_json;

std::string shown(const std::string& text) {
  return printable(text, kAlertTextBytesMax);
}

std::string dumped(const Json& json) {
  return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

// Slack takes these three for markup.
std::string escaped_for_slack(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else {
      out += c;
    }
  }
  return out;
}

std::string lasted(const Alert& alert) {
  return format_duration(milliseconds((alert.at_us - alert.since_us) / 1'000));
}

}  // namespace

std::string_view alert_name(AlertKind kind) {
  switch (kind) {
    case AlertKind::kOffline:
      return "offline";
    case AlertKind::kRefused:
      return "postgres-refuses";
    case AlertKind::kLaneBlocked:
      return "lane-blocked";
    case AlertKind::kRefusing:
      return "refusing";
    case AlertKind::kFailed:
      return "failed";
    case AlertKind::kDamaged:
      return "damaged-files";
    case AlertKind::kNearlyFull:
      return "journal-nearly-full";
    case AlertKind::kGaps:
      return "gaps";
    case AlertKind::kDeadLetters:
      return "dead-letters";
    case AlertKind::kSourceSilent:
      return "source-silent";
    case AlertKind::kCertificate:
      return "certificate";
    case AlertKind::kTest:
      return "test";
  }
  return "test";
}

std::string alert_json(const Alert& alert, const AlertOrigin& origin) {
  const std::string name(alert_name(alert.condition.kind));
  Json data{{"alert", name},
            {"state", alert.resolved ? "resolved" : "firing"},
            {"subject", shown(alert.condition.subject)},
            {"text", shown(alert.condition.text)},
            {"hint", shown(alert.condition.hint)},
            {"since", format_instant(alert.since_us)},
            {"agent_id", shown(origin.agent_id)},
            {"host", shown(origin.host)},
            {"version", kVersion}};
  return dumped({{"type", "hookspool.alert." + name},
                 {"timestamp", format_instant(alert.at_us)},
                 {"data", std::move(data)}});
}

std::string alert_slack(const Alert& alert, const AlertOrigin& origin) {
  const auto& condition = alert.condition;
  std::string text = "hookspool on " + shown(origin.host) + ": ";
  if (alert.resolved) {
    text += "over after " + lasted(alert) + ": " + shown(condition.text);
  } else {
    text += shown(condition.text) + (condition.hint.empty() ? "" : "\n" + shown(condition.hint));
  }
  return dumped({{"text", escaped_for_slack(text)}});
}

std::string webhook_body(const Alert& alert, const AlertOrigin& origin, AlertsConfig::Format format) {
  switch (format) {
    case AlertsConfig::Format::kStandard:
      return alert_json(alert, origin);
    case AlertsConfig::Format::kSlack:
      break;
  }
  return alert_slack(alert, origin);
}

std::vector<std::pair<std::string, std::string>> webhook_headers(const std::string& id, std::int64_t now_us,
                                                                 std::string_view body,
                                                                 const std::string& secret) {
  const std::string timestamp = std::to_string(now_us / 1'000'000);
  std::vector<std::pair<std::string, std::string>> headers{
      {"Content-Type", "application/json"}, {"webhook-id", id}, {"webhook-timestamp", timestamp}};
  const auto key = secret.empty() ? std::nullopt : net::decode_key(secret);
  if (!key) return headers;
  const std::string_view pieces[] = {id, ".", timestamp, ".", body};
  const auto mac = net::hmac(net::Algorithm::kSha256, *key, pieces);
  if (mac) headers.emplace_back("webhook-signature", "v1," + net::encode_base64(*mac));
  return headers;
}

}  // namespace hookspool::agent
