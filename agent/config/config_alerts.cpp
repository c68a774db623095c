#include "agent/config/config_alerts.h"

#include <unistd.h>

#include <utility>

#include "agent/base/regular_file.h"
#include "agent/config/config_secret.h"
#include "net/http/web_address.h"
#include "net/verify/encoding.h"

namespace hookspool::agent {
namespace {

constexpr milliseconds kSecond{1'000};
constexpr milliseconds kHour{3'600'000};
constexpr milliseconds kDay{24 * 3'600'000};

// A URL such as Slack's is a secret, so it may stand where secrets do.
void read_url(TableReader& section, AlertsConfig& alerts, FaultList& faults) {
  if (section.is_table("webhook_url")) {
    const toml::table* table = section.table("webhook_url");
    auto secret = read_secret(*table, "webhook_url", "alerts.webhook_url", section, faults);
    if (!secret) return;
    alerts.webhook_url = std::move(*secret);
  } else if (!section.text("webhook_url", alerts.webhook_url)) {
    return;
  }
  if (const auto address = net::parse_web_address(alerts.webhook_url); !address)
    section.fault("webhook_url", address.error());
}

void read_signing(TableReader& section, AlertsConfig& alerts, FaultList& faults) {
  const toml::table* table = section.table("webhook_secret");
  if (table == nullptr) return;
  auto secret = read_secret(*table, "webhook_secret", "alerts.webhook_secret", section, faults);
  if (!secret) return;
  if (!net::decode_key(*secret)) {
    section.fault("webhook_secret",
                  "is base64, with or without whsec_ before it; make one with: openssl rand -base64 32");
  }
  if (alerts.webhook_format == AlertsConfig::Format::kSlack)
    section.fault("webhook_secret", "is for webhook_format = \"standard\"; Slack's URL is its own secret");
  alerts.webhook_secret = std::move(*secret);
}

void read_webhook(TableReader& section, AlertsConfig& alerts, FaultList& faults) {
  read_url(section, alerts, faults);
  std::string format = "standard";
  if (section.text("webhook_format", format))
    one_of(section, "webhook_format", format, {"standard", "slack"});
  if (format == "slack") alerts.webhook_format = AlertsConfig::Format::kSlack;
  read_signing(section, alerts, faults);
  if (section.path("webhook_ca_file", alerts.webhook_ca_file)) {
    const auto read = read_regular_file(alerts.webhook_ca_file, kCertificateFileBytesMax);
    if (!read) section.fault("webhook_ca_file", alerts.webhook_ca_file + ": " + read.error());
  }
  for (const char* key : {"webhook_format", "webhook_secret", "webhook_ca_file"}) {
    if (!section.has("webhook_url") && section.has(key)) section.fault(key, "needs webhook_url beside it");
  }
}

void read_command(TableReader& section, AlertsConfig& alerts) {
  section.duration("command_timeout", alerts.command_timeout, kSecond, milliseconds(60'000));
  const toml::array* words = section.array("command");
  if (words == nullptr) return;
  constexpr const char* kExample =
      "is a list of texts, program first, as in [\"/usr/local/bin/alert\", \"--team\", \"ops\"]; it is run "
      "without a shell";
  if (words->empty() || words->size() > kAlertCommandWordsMax) return section.fault("command", kExample);
  for (const toml::node& word : *words) {
    const auto* text = word.as_string();
    if (text == nullptr || text->get().find('\0') != std::string::npos)
      return section.fault("command", kExample);
    alerts.command.push_back(text->get());
  }
  const std::string& program = alerts.command.front();
  if (!program.starts_with('/')) {
    section.fault("command",
                  "\"" + program + "\" needs to be the program's whole path: PATH is not searched");
  } else if (::access(program.c_str(), X_OK) != 0) {
    section.fault("command", program + " cannot be run by this user: is it there, and executable?");
  }
}

}  // namespace

void read_alerts(TableReader section, AlertsConfig& alerts, FaultList& faults) {
  read_webhook(section, alerts, faults);
  read_command(section, alerts);
  section.duration("offline_after", alerts.offline_after, kSecond, 7 * kDay);
  section.duration("full_within", alerts.full_within, milliseconds(60'000), 7 * kDay);
  section.duration("certificate_within", alerts.certificate_within, kHour, 365 * kDay);
  section.boolean("silent_sources", alerts.silent_sources);
  section.finish();
}

}  // namespace hookspool::agent
