#include "agent/config/config_intake.h"

#include <grp.h>
#include <sys/stat.h>

#include <charconv>
#include <utility>

#include "agent/base/regular_file.h"
#include "agent/config/config_reader.h"
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

void read_tls(TableReader& section, net::TlsFiles& tls) {
  const bool certificate = section.path("certificate_file", tls.certificate_file);
  const bool key = section.path("key_file", tls.key_file);
  if (!certificate && !key) return;
  if (certificate != key || tls.certificate_file.empty() || tls.key_file.empty())
    return section.fault(certificate ? "certificate_file" : "key_file",
                         "needs both certificate_file and key_file");
  struct stat info {};
  if (::stat(tls.key_file.c_str(), &info) == 0 && (info.st_mode & S_IRWXO) != 0)
    return section.fault("key_file",
                         tls.key_file + " can be read by every user; run: chmod o-rwx " + tls.key_file);
  // Before OpenSSL opens them, which would wait for ever for a FIFO's other end.
  for (const auto& [key_name, file] :
       {std::pair{"certificate_file", tls.certificate_file}, {"key_file", tls.key_file}}) {
    if (const auto read = read_regular_file(file, kCertificateFileBytesMax); !read)
      return section.fault(key_name, file + ": " + read.error());
  }
  if (const auto checked = net::HttpServer::check_certificate(tls); !checked)
    section.fault("certificate_file", checked.error().text);
}

}  // namespace

void check_listen(TableReader& section, std::string_view key, const std::string& listen) {
  if (const auto checked = net::HttpServer::check_address(listen); !checked)
    section.fault(key, checked.error().text);
}

// The agent itself needs no right to its own socket's file.
bool read_socket_file(TableReader& section, SocketFile& file) {
  constexpr unsigned kModeMost = 0777;
  std::string mode;
  const bool has_mode = section.text("socket_mode", mode);
  if (has_mode) {
    const auto [end, error] = std::from_chars(mode.data(), mode.data() + mode.size(), file.mode, 8);
    if (error != std::errc() || end != mode.data() + mode.size() || file.mode > kModeMost)
      section.fault("socket_mode", "is the mode of a file in quotes, such as \"0660\"");
  }
  const bool has_group = section.text("socket_group", file.group);
  if (has_group) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): the configuration is read by one thread at a time
    const group* const found = ::getgrnam(file.group.c_str());
    if (found == nullptr) {
      section.fault("socket_group",
                    "there is no group \"" + file.group + "\" on this machine; see getent group");
    } else {
      file.gid = found->gr_gid;
    }
  }
  return has_mode || has_group;
}

void read_intake(TableReader section, IntakeConfig& intake) {
  section.listen("listen", intake.listen);
  check_listen(section, "listen", intake.listen);
  section.bytes("max_body_bytes", intake.body_bytes_max, 1, kBodyBytesLargest);
  section.duration("request_deadline", intake.request_deadline, kSecond, kHour);
  section.duration("idle_timeout", intake.idle_timeout, kSecond, kHour);
  section.integer("max_connections", intake.connections_max, kConnectionsLeast, kConnectionsMost);
  section.integer("max_connections_per_address", intake.connections_per_address_max, 0, kConnectionsMost);
  read_trusted_proxies(section, intake.proxies);
  read_tls(section, intake.tls);
  if (read_socket_file(section, intake.socket_file) && !intake.listen.starts_with("unix:"))
    section.fault("socket_mode", "is, like socket_group, for a Unix socket: listen = \"unix:/path\"");
  section.finish();
}

}  // namespace hookspool::agent
