// What an administrator may set: one TOML file, checked as a whole, every fault reported at once.
// Plain values, read at start and at each reload; thread-safe as long as no thread writes them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "net/condition/condition.h"
#include "net/form/form_json.h"
#include "net/http/server.h"
#include "net/pg/link/connection.h"
#include "net/pg/tables/body_rules.h"
#include "net/pg/tables/mapping.h"
#include "net/verify/scheme.h"
#include "storage/model/result.h"

namespace hookspool::agent {

using std::chrono::milliseconds;

// What makes two deliveries of a source one event.
struct DedupeRule {
  enum class By {
    kNothing,     // every delivery is an event
    kDeliveryId,  // the sender's own id, where it sends one
    kBody,        // the same bytes
    kHeader,
    kPointer,
  };
  By by = By::kDeliveryId;
  std::string name{};  // of the header, lower case, or the JSON pointer
  bool operator==(const DedupeRule&) const = default;
};

// What a sender gets for an event that is on disk, instead of {"id":"..."}.
struct SourceResponse {
  int status = 200;
  std::string body;
  std::string content_type = "text/plain; charset=utf-8";
  bool operator==(const SourceResponse&) const = default;
};

struct SourceConfig {
  std::string name;                  // = the lane
  std::string path;                  // exact, as sent
  std::string verify = "none";       // a name of net/verify/providers.h
  net::Scheme scheme;                // what that means here
  std::vector<std::string> secrets;  // any of them may have signed: rotation
  std::string public_url;            // as the sender calls it; for schemes that sign it
  std::string verify_token;          // of Meta's handshake
  std::vector<std::string> probes;   // methods that are answered 200 and never kept
  DedupeRule dedupe;
  std::size_t rate_max = 0;   // events a second; 0: no limit
  std::size_t burst_max = 0;  // at once after a pause
  std::optional<SourceResponse> response;
  bool quarantine = false;             // on_bad_signature: keep what fits no secret
  std::optional<net::Condition> keep;  // which events; nothing: all
  std::optional<net::FormRules> form;  // how forms are read as JSON; nothing: they are bytes
  net::Redaction redact;               // what never reaches PostgreSQL
  bool redact_journal = false;         // nor the journal
  net::KeepRaw keep_raw = net::KeepRaw::kUnparsed;
  std::optional<net::LaneMapping> tables;  // its own; nothing: the events table
  std::optional<std::uint64_t> bytes_max;  // of the journal; nothing: journal.source_share_max
  std::optional<bool> sender_retries;      // nothing: what is known of senders with this `verify`
};

// Of a Unix socket's file.
struct SocketFile {
  unsigned mode = 0660;
  std::string group;            // empty: the agent's own
  std::optional<unsigned> gid;  // what that is on this machine
};

struct IntakeConfig {
  std::string listen = "127.0.0.1:8080";
  std::uint64_t body_bytes_max = 1ull << 20;
  milliseconds request_deadline{10'000};
  milliseconds idle_timeout{75'000};
  std::size_t connections_max = 8192;
  std::size_t connections_per_address_max = 1024;  // 0: no limit; loopback and proxies have none
  net::ProxyTrust proxies;
  net::TlsFiles tls;  // none: plain HTTP
  SocketFile socket_file;
};

struct AdminConfig {
  std::string listen = "127.0.0.1:8081";  // read only: health and status
  std::string socket;                     // a Unix socket with the same pages; empty: none
  SocketFile socket_file;                 // of that one, and of `listen` where it is a Unix socket
};

struct JournalConfig {
  std::string path = "/var/lib/hookspool/journal";
  std::uint64_t bytes_max = 2ull << 30;
  std::uint64_t free_bytes_min = 256ull << 20;
  double source_share_max = 0.5;  // of bytes_max, for one source's undelivered events
  milliseconds keep_delivered{24 * 3'600'000};
  milliseconds dedupe_keep{7 * 24 * 3'600'000};  // 0: repeats are events
  std::uint64_t dedupe_keys_max = 10'000'000;
};

struct QuarantineConfig {
  std::uint64_t requests_max = 10'000;
  std::uint64_t bytes_max = 64ull << 20;
  std::uint64_t source_requests_max = 1'000;
  std::uint64_t source_bytes_max = 16ull << 20;
  milliseconds keep{7 * 24 * 3'600'000ll};
};

struct PostgresConfig {
  net::PgOptions options;
  std::string
      conninfo_from{};  // "conninfo", "DATABASE_URL", "PGHOST", ...: what names the server; empty: nothing
  bool database_url_is_empty = false;  // set, but to nothing, and nothing else names one
  milliseconds backoff_min{250};
  milliseconds backoff_max{60'000};
  std::size_t batch_events_max = 10'000;
  std::size_t batch_bytes_max = 16u << 20;
  // This many events refused in a row become dead letters without another being taken; 0: any number.
  std::size_t hold_after = 20;
  milliseconds keep_rows{0};  // rows of the events table that are older are deleted; 0: none are
};

// Where an administrator is notified of what begins and what is over, without Prometheus. No destination: nothing is sent.
struct AlertsConfig {
  enum class Format {
    kStandard,  // the JSON of OPERATIONS.md
    kSlack,     // {"text": ...}
  };
  std::string
      webhook_url;  // empty: none. May be a secret itself, as Slack's is: only scheme and host are shown
  std::string webhook_secret;  // as Standard Webhooks hand it out; empty: not signed
  Format webhook_format = Format::kStandard;
  std::string webhook_ca_file;       // PEM; empty: the system's authorities
  std::vector<std::string> command;  // program and arguments, run without a shell; empty: none
  milliseconds command_timeout{10'000};
  milliseconds offline_after{5 * 60'000};
  milliseconds full_within{3'600'000};
  milliseconds certificate_within{14 * 24 * 3'600'000};
  bool silent_sources = true;

  bool sends_anything() const { return !webhook_url.empty() || !command.empty(); }
  bool operator==(const AlertsConfig&) const = default;
};

struct Config {
  std::string agent_id;  // empty: the one kept in the journal
  std::string log_level = "info";
  std::string log_format = "text";  // or "json"
  IntakeConfig intake;
  AdminConfig admin;
  JournalConfig journal;
  QuarantineConfig quarantine;
  PostgresConfig postgres;
  AlertsConfig alerts;
  std::vector<SourceConfig> sources;  // empty: any POST /hooks/<name> is the source <name>
};

// All that is wrong with a configuration, one line each, as "file:line:column: what and what to do".
struct ConfigFaults {
  enum class Kind { kFaulty, kNoFile, kNotPermitted };
  std::vector<std::string> lines;
  Kind kind = Kind::kFaulty;
};

using ConfigResult = Result<Config, ConfigFaults>;

ConfigResult load_config(const std::string& file);  // with the files that add sources (source_files.h)
ConfigResult parse_config(const std::string& toml, const std::string& name_in_faults);
// What is used where there is no configuration file (config_place.h): intake and admin on loopback, the journal in
// var/journal below the present folder.
// DATABASE_URL or libpq's environment still names a PostgreSQL.
ConfigResult embedded_default();
// What `hookspool run` and a reload of it read: the file, or (empty) the embedded default.
ConfigResult read_config(const std::string& file);
// Only what says where the agent's admin socket is, whatever faults the rest of the file has: for a command that tells
// the agent about that very file. Fails where the file cannot be read or is not TOML.
ConfigResult admin_part(const std::string& file);

// Does `listen` ("host:port" or "unix:...") accept connections from this machine only?
bool is_local_listener(const std::string& listen);

inline constexpr std::uint64_t kBodyBytesLargest = 25ull << 20;  // of max_body_bytes: GitHub's own limit

}  // namespace hookspool::agent
