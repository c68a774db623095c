#include "agent/config_intake.h"

#include "agent/config_reader.h"
#include "net/http/server.h"

namespace hookspool::agent {
namespace {

constexpr milliseconds kSecond{1'000};
constexpr milliseconds kHour{3'600'000};
constexpr std::size_t kConnectionsLeast = 16;
constexpr std::size_t kConnectionsMost = 1'000'000;

void read_trusted_proxies(TableReader& section, net::ProxyTrust& proxies) {
  if (const auto* list = section.array("trusted_proxies")) {
    for (const auto& item : *list) {
      const auto* text = item.as_string();
      if (text == nullptr) {
        section.fault("trusted_proxies", "needs texts in quotes, as in [\"10.0.0.0/8\", \"unix\"]");
      } else if (text->get() == "unix") {
        proxies.unix_socket = true;
      } else if (const auto added = proxies.networks.add(text->get()); !added) {
        section.fault("trusted_proxies", added.error());
      }
    }
  }
  std::string header;
  if (!section.text("forwarded_header", header)) return;
  if (header == "forwarded") {
    proxies.header = net::ProxyTrust::Header::kForwarded;
  } else if (header != "x-forwarded-for") {
    section.fault("forwarded_header", "is \"x-forwarded-for\" or \"forwarded\"");
  }
}

}  // namespace

void check_listen(TableReader& section, std::string_view key, const std::string& listen) {
  if (const auto checked = net::HttpServer::check_address(listen); !checked)
    section.fault(key, checked.error().text);
}

void read_intake(TableReader section, IntakeConfig& intake) {
  section.text("listen", intake.listen);
  check_listen(section, "listen", intake.listen);
  section.bytes("max_body_bytes", intake.body_bytes_max, 1, kBodyBytesLargest);
  section.duration("request_deadline", intake.request_deadline, kSecond, kHour);
  section.integer("max_connections", intake.connections_max, kConnectionsLeast, kConnectionsMost);
  section.integer("max_connections_per_address", intake.connections_per_address_max, 0, kConnectionsMost);
  read_trusted_proxies(section, intake.proxies);
  const std::string instead = "let a proxy on this machine speak TLS";
  section.unsupported("certificate_file", instead);
  section.unsupported("key_file", instead);
  section.finish();
}

}  // namespace hookspool::agent
