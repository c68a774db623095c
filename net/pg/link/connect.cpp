#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <optional>
#include <utility>

#include "net/pg/link/connection_impl.h"
#include "net/pg/link/conninfo.h"
#include "net/pg/link/text.h"
#include "storage/model/printable.h"

namespace hookspool::net {
namespace {

constexpr std::string_view kAttempt = "connecting to PostgreSQL";
constexpr std::size_t kVersionBytesMax = 64;  // of what a server calls itself

// The function of the server (backend/replication/syncrep.c) that warns when the wait for a synchronous standby was
// cancelled. Its name is in every notice, in no language; the SQLSTATE 01000 is that of any warning.
constexpr std::string_view kSyncWait = "SyncRepWaitForLSN";

// libpq 15 keeps the SQLSTATE of a refused login to itself, except in verbose messages: "FATAL:  28P01:
// password ...".
struct VerboseMessage {
  std::string sqlstate;
  std::string text;
};

bool is_sqlstate(std::string_view word) {
  return word.size() == 5 && std::all_of(word.begin(), word.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
         });
}

VerboseMessage parse_verbose(std::string_view message) {
  VerboseMessage parsed;
  std::string kept;
  while (!message.empty()) {
    const std::size_t end = message.find('\n');
    std::string line(message.substr(0, end));
    message.remove_prefix(end == std::string_view::npos ? message.size() : end + 1);
    if (line.starts_with("LOCATION:")) continue;
    for (std::size_t at = line.find(":  "); at != std::string::npos; at = line.find(":  ", at + 1)) {
      const std::string_view rest = std::string_view(line).substr(at + 3);
      if (rest.size() < 7 || rest.substr(5, 2) != ": " || !is_sqlstate(rest.substr(0, 5))) continue;
      parsed.sqlstate = rest.substr(0, 5);
      line.erase(at + 3, 7);
      break;
    }
    kept += line + "\n";
  }
  parsed.text = server_text(kept);
  return parsed;
}

// What libpq itself refuses is known by its words alone.
struct SetupFault {
  std::string_view words;
  std::string_view hint;
};
constexpr std::string_view kCertificateHint =
    "The server's certificate is not signed by the authority in sslrootcert, or is not valid now. Check "
    "sslrootcert, "
    "the certificate's dates and the clock.";
constexpr std::string_view kFilesHint =
    "Check that sslrootcert, sslcert and sslkey name readable files in PEM form, and that the key is not "
    "readable by "
    "others.";
constexpr std::string_view kOptionHint =
    "Correct this in conninfo, in the service file or in libpq's environment.";
constexpr std::array kSetupFaults{
    SetupFault{"certificate verify failed", kCertificateHint},
    SetupFault{"does not match host name",
               "The certificate is for another name: let host in conninfo be one of its."},
    SetupFault{"root certificate file", kFilesHint},
    SetupFault{"certificate file", kFilesHint},
    SetupFault{"private key file", kFilesHint},
    SetupFault{"alert unknown ca", "The server does not trust the client certificate in sslcert."},
    SetupFault{"certificate", kCertificateHint},
    SetupFault{"server does not support SSL", "Turn TLS on at the server (ssl = on), or lower sslmode."},
    SetupFault{"channel binding", "Lower channel_binding, or use TLS and scram-sha-256 at the server."},
    SetupFault{"unsupported protocol",
               "The server and ssl_min_protocol_version have no TLS version in common."},
    SetupFault{"alert protocol version",
               "The server and ssl_min_protocol_version have no TLS version in common."},
    SetupFault{"no password supplied",
               "Give a password: passfile or PGPASSFILE (mode 0600), or password in conninfo."},
    SetupFault{"definition of service", kOptionHint},
    SetupFault{"service file", kOptionHint},
    SetupFault{"could not match", kOptionHint},
    SetupFault{"invalid port number", kOptionHint},
    SetupFault{"invalid integer value", kOptionHint},
};

std::string_view hint_for_sqlstate(std::string_view sqlstate) {
  if (sqlstate == "28P01") return "Check user and password.";
  if (sqlstate.starts_with("28"))
    return "The server's pg_hba.conf lets this user not in from here, or not this way.";
  if (sqlstate == "3D000") return "Create the database, or correct dbname.";
  if (sqlstate == "42501") return "GRANT CONNECT ON DATABASE to this user.";
  return {};
}

PgError connect_error(PGconn* connection) {
  VerboseMessage message = parse_verbose(PQerrorMessage(connection));
  PgError error{.error_class = classify_sqlstate(message.sqlstate),
                .sqlstate = message.sqlstate,
                .text = std::string(kAttempt) + ": " + message.text,
                .hint = std::string(hint_for_sqlstate(message.sqlstate)),
                .connection_lost = true};
  error = not_the_event(std::move(error));
  if (!message.sqlstate.empty()) return error;
  for (const SetupFault& fault : kSetupFaults) {
    if (message.text.find(fault.words) == std::string::npos) continue;
    error.error_class = ErrorClass::kSetup;
    error.hint = fault.hint;
    break;
  }
  return error;
}

std::string server_name(PGconn* connection) {
  const char* host = PQhost(connection);
  const char* port = PQport(connection);
  return (host != nullptr ? std::string(host) : "") + ":" + (port != nullptr ? port : "");
}

PgError connect_late(PGconn* connection, std::chrono::milliseconds waited) {
  return {.error_class = ErrorClass::kOutage,
          .text = std::string(kAttempt) + " at " + server_name(connection) + ": no answer within " +
                  std::to_string(waited.count()) + " ms",
          .connection_lost = true};
}

extern "C" void receive_notice(void* given, const PGresult* notice) {
  auto& notices = *static_cast<Notices*>(given);
  notices.came = true;
  const char* origin = PQresultErrorField(notice, PG_DIAG_SOURCE_FUNCTION);
  if (origin != nullptr && std::string_view(origin) == kSyncWait) notices.sync_wait_cancelled = true;
}

// What a service file left open: only the open connection tells.
void keep_watch(PGconn* connection) {
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(PQconninfo(connection),
                                                                             PQconninfoFree);
  const auto said = [&](std::string_view keyword) -> const char* {
    for (const PQconninfoOption* option = options.get(); option != nullptr && option->keyword != nullptr;
         ++option) {
      if (option->keyword == keyword) return option->val;
    }
    return nullptr;
  };
  const char* keepalives = said("keepalives");
  for (const TcpDefault& tcp : kTcpDefaults) {
    const bool probes = tcp.socket_option != TCP_USER_TIMEOUT;
    if (said(tcp.keyword) != nullptr || (probes && keepalives != nullptr && keepalives[0] == '0')) continue;
    // Fails on a Unix socket, which needs none of this.
    setsockopt(PQsocket(connection), IPPROTO_TCP, tcp.socket_option, &tcp.value, sizeof(tcp.value));
  }
}

// Drives one PQconnectStartParams to its end. nullopt: connected; `late` tells a deadline from a refusal.
std::optional<PgError> drive(PGconn* connection, std::chrono::milliseconds limit, bool& late) {
  const Deadline deadline = std::chrono::steady_clock::now() + limit;
  AnswerLimit greeting;
  greeting.begin(-1, kGreetingBytesMax);  // from the first byte, over whichever socket
  PostgresPollingStatusType status = PGRES_POLLING_WRITING;
  while (PQstatus(connection) != CONNECTION_BAD && status != PGRES_POLLING_OK) {
    const short events = status == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    if (wait_for_socket(PQsocket(connection), events, deadline) == 0) {
      late = true;
      return connect_late(connection, limit);
    }
    status = PQconnectPoll(connection);
    if (greeting.exceeded(PQsocket(connection))) {
      return PgError{.error_class = ErrorClass::kOutage,
                     .text = std::string(kAttempt) + " at " + server_name(connection) +
                             ": the server sends more than " + std::to_string(kGreetingBytesMax >> 20) +
                             " MiB before the login is complete",
                     .connection_lost = true};
    }
    if (status == PGRES_POLLING_FAILED) break;
  }
  if (PQstatus(connection) != CONNECTION_OK) return connect_error(connection);
  return {};
}

}  // namespace

PgResult<std::unique_ptr<Connection>> Connection::connect(const PgOptions& options) {
  auto parameters = ConnectParameters::make(options);
  if (!parameters) return fail(std::move(parameters).error());
  for (std::size_t i = options.first_server % parameters->hosts(); i > 0; --i) parameters->rotate_hosts();
  const Deadline deadline = std::chrono::steady_clock::now() + options.connect_timeout;
  PgError error;
  for (std::size_t hosts_left = parameters->hosts(); hosts_left > 0; --hosts_left) {
    // A silent server gets its share of the time, so that the next one is reached.
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    const auto share = std::max(left, std::chrono::milliseconds(1)) / static_cast<std::int64_t>(hosts_left);
    auto impl = std::make_unique<Impl>();
    impl->connection.reset(
        PQconnectStartParams(parameters->keywords().data(), parameters->values().data(), 0));
    PGconn* connection = impl->connection.get();
    if (connection == nullptr) {
      return fail(PgError{.text = std::string(kAttempt) + ": out of memory", .connection_lost = true});
    }
    PQsetErrorVerbosity(connection, PQERRORS_VERBOSE);
    PQsetNoticeReceiver(connection, receive_notice, &impl->notices);
    bool late = false;
    if (auto failed = drive(connection, share, late)) {
      error = std::move(*failed);
      if (!late) return fail(std::move(error));  // libpq has tried every server
      parameters->rotate_hosts();
      continue;
    }
    PQsetErrorVerbosity(connection, PQERRORS_DEFAULT);
    keep_watch(connection);
    PQsetnonblocking(connection, 1);
    impl->opened_at = impl->answered_at = std::chrono::steady_clock::now();
    return std::unique_ptr<Connection>(new Connection(std::move(impl)));
  }
  return fail(std::move(error));
}

std::int64_t Connection::announced_pid() const {
  return PQbackendPID(impl_->connection.get());
}

TlsLine Connection::tls() const {
  PGconn* connection = impl_->connection.get();
  TlsLine line;
  const char* protocol = PQsslAttribute(connection, "protocol");
  if (protocol == nullptr) return line;
  line.protocol = protocol;
  if (const char* cipher = PQsslAttribute(connection, "cipher")) line.cipher = cipher;
  const auto* ssl = static_cast<const SSL*>(PQsslStruct(connection, "OpenSSL"));
  X509* certificate = ssl == nullptr ? nullptr : SSL_get0_peer_certificate(ssl);
  std::tm end{};
  if (certificate != nullptr && ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) == 1)
    line.certificate_not_after_s = ::timegm(&end);
  return line;
}

std::string Connection::server_description() const {
  PGconn* connection = impl_->connection.get();
  const char* version = PQparameterStatus(connection, "server_version");
  const char* tls = PQsslAttribute(connection, "protocol");
  std::string_view number = version != nullptr ? version : "unknown version";
  if (version != nullptr) number = number.substr(0, number.find(' '));
  return printable(number, kVersionBytesMax) + " at " + server_name(connection) + ", " +
         (tls != nullptr ? tls : "no TLS");
}

}  // namespace hookspool::net
