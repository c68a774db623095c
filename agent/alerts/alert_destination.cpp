#include "agent/alerts/alert_destination.h"

#include <array>
#include <cstddef>

#include "agent/alerts/alert_command.h"
#include "agent/alerts/alert_message.h"
#include "agent/base/random.h"
#include "agent/base/wall_clock.h"
#include "net/http/web_request.h"
#include "storage/base/hex.h"
#include "storage/base/text.h"
#include "storage/model/printable.h"

namespace hookspool::agent {
namespace {

constexpr int kStatusOkLeast = 200, kStatusOkMost = 299;

std::string with_text(std::string what, const std::string& text) {
  const std::string_view words = trimmed(text, " \t\r\n");
  return words.empty() ? what : what + ": " + printable(words);
}

AlertSending post(const AlertsConfig& config, const std::string& id, const Alert& alert,
                  const AlertOrigin& origin, net::Cancellation& cancellation) {
  auto address = net::parse_web_address(config.webhook_url);
  if (!address) return {false, "webhook_url " + address.error()};
  net::WebRequest request{.address = std::move(*address),
                          .method = "POST",
                          .headers = {},
                          .body = webhook_body(alert, origin, config.webhook_format),
                          .ca_file = config.webhook_ca_file};
  request.headers = webhook_headers(id, wall_clock_us(), request.body, config.webhook_secret);
  const auto answer = net::web_request(request, cancellation);
  if (!answer) return {false, printable(answer.error(), kAlertTextBytesMax)};
  const bool ok = answer->status >= kStatusOkLeast && answer->status <= kStatusOkMost;
  return {ok, with_text("HTTP " + std::to_string(answer->status), answer->body)};
}

AlertSending run(const AlertsConfig& config, const Alert& alert, const AlertOrigin& origin,
                 net::Cancellation& cancellation) {
  const auto ended = run_alert_command(config.command, alert_json(alert, origin) + "\n",
                                       config.command_timeout, cancellation);
  if (!ended) return {false, printable(ended.error(), kAlertTextBytesMax)};
  const std::string how =
      ended->exit_code < 0 ? "ended by a signal" : "exit code " + std::to_string(ended->exit_code);
  return {ended->exit_code == 0, with_text(how, ended->output)};
}

}  // namespace

std::string_view destination_name(AlertDestination destination) {
  switch (destination) {
    case AlertDestination::kWebhook:
      return "webhook";
    case AlertDestination::kCommand:
      break;
  }
  return "command";
}

std::string shown_destination(AlertDestination destination, const AlertsConfig& config) {
  const std::string name(destination_name(destination));
  switch (destination) {
    case AlertDestination::kWebhook: {
      const auto address = net::parse_web_address(config.webhook_url);
      return name + " " + (address ? address->shown() : "");
    }
    case AlertDestination::kCommand:
      break;
  }
  return name + " " + (config.command.empty() ? "" : printable(config.command.front()));
}

bool is_configured(AlertDestination destination, const AlertsConfig& config) {
  switch (destination) {
    case AlertDestination::kWebhook:
      return !config.webhook_url.empty();
    case AlertDestination::kCommand:
      break;
  }
  return !config.command.empty();
}

std::string new_alert_id() {
  std::array<std::byte, 16> bits{};
  random_bytes(bits);
  return "msg_" + encode_hex({reinterpret_cast<const char*>(bits.data()), bits.size()});
}

AlertSending send_alert(AlertDestination destination, const AlertsConfig& config, const std::string& id,
                        const Alert& alert, const AlertOrigin& origin, net::Cancellation& cancellation) {
  switch (destination) {
    case AlertDestination::kWebhook:
      return post(config, id, alert, origin, cancellation);
    case AlertDestination::kCommand:
      break;
  }
  return run(config, alert, origin, cancellation);
}

}  // namespace hookspool::agent
