// Everything between the configuration and PostgreSQL, looked at from here and changed nowhere.
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <system_error>

#include "agent/base/exit_codes.h"
#include "agent/base/regular_file.h"
#include "agent/commands/commands.h"
#include "agent/commands/findings.h"
#include "agent/commands/machine_findings.h"
#include "agent/commands/output.h"
#include "agent/commands/server_findings.h"
#include "agent/config/socket_files.h"
#include "net/http/client.h"
#include "net/pg/ledger/watermarks.h"
#include "net/pg/tables/feeds_schema.h"
#include "net/pg/tables/mapping.h"
#include "net/pg/tables/retention_schema.h"
#include "net/pg/tables/schema.h"
#include "net/pg/tables/target_check.h"
#include "storage/file/folder.h"
#include "storage/model/printable.h"

namespace hookspool::agent {
namespace {

using Json = nlohmann::ordered_json;

constexpr milliseconds kAgentDeadline{5'000};
constexpr std::string_view kSinkNoteFile = "note-sink";
constexpr std::size_t kSinkNoteBytesMax = 4'096;

int code_of(const net::PgError& error) {
  return error.error_class == net::ErrorClass::kOutage ? kExitUnavailable : kExitConfig;
}

void look_at_encoding(net::Connection& connection, const net::PgOptions& options, Findings& findings) {
  const auto encoding =
      connection.query("SHOW server_encoding", net::statement_deadline(options), "reading the encoding");
  const std::string name =
      encoding && !encoding->rows.empty() ? encoding->rows[0][0].value_or("") : "unknown";
  if (connection.database_is_utf8()) return findings.ok("encoding", name);
  findings.warning(
      "encoding", name + ": cannot hold every character",
      "In the events table such a body is kept as bytes (payload_issue \"encoding\"); an event whose text a "
      "table of your own cannot hold becomes a dead letter. A database in UTF8 has neither.");
}

void look_at_schema(net::Connection& connection, const net::PgOptions& options, Findings& findings) {
  const auto report = net::look_at_schema(connection, options);
  const std::string what = "schema " + options.schema;
  if (!report) return findings.fault(what, report.error().text, report.error().hint, code_of(report.error()));
  const std::string hint = "An administrator must run what hookspool doctor --sql prints.";
  if (!report->rights) return findings.fault(what, "role " + report->role + " lacks rights", hint);
  if (!report->indexed) {
    return findings.warning(
        what,
        "consumers cannot read yet: " + options.schema +
            ".events has no index (feed, arrival), and was too large for the agent to make it",
        "An administrator must run this, which does not hold deliveries up: " +
            net::feeds_index_sql(options.schema));
  }
  if (report->missing.empty())
    return findings.ok(what, "is there, and role " + report->role + " has its rights");
  std::string missing;
  for (const auto& table : report->missing) missing += (missing.empty() ? "" : ", ") + table;
  if (report->may_create) return findings.ok(what, "will be made at first contact: " + missing);
  findings.fault(what, "is not there, and role " + report->role + " may not make it: " + missing, hint);
}

// Whether this is the database that the journal has been delivered to. Where this user may not read the journal, or there
// is none yet, nothing is said.
void look_at_identity(net::Connection& connection, const Config& config, Findings& findings) {
  const auto note =
      read_regular_file(config.journal.path + "/" + std::string(kSinkNoteFile), kSinkNoteBytesMax);
  if (!note) return;
  const std::string known = note->content.substr(0, note->content.find_first_of(" \n"));
  const auto identity = net::read_identity(connection, config.postgres.options);
  if (!identity || known.empty() || identity->sink_id == known) return;
  findings.fault(
      "database",
      "this is another database: its sink id is " + printable(identity->sink_id) +
          ", the journal has been delivered to " + printable(known),
      "Correct conninfo, or say what the new database is to get: hookspool adopt --from unsent|beginning");
}

// Nothing names a PostgreSQL here; the service may have been started with an environment that does.
void look_for_environment(const Config& config, Findings& findings) {
  const auto answer = net::http_call(config.admin.listen, "GET", "/health", {}, "", kAgentDeadline);
  const auto health = answer ? Json::parse(answer->body, nullptr, false) : Json();
  const bool configured =
      health.is_object() && health.value(Json::json_pointer("/postgres/configured"), false);
  if (!configured) {
    return findings.ok("postgres",
                       config.postgres.database_url_is_empty
                           ? "none configured (DATABASE_URL is set, but empty): the agent journals only"
                           : "none configured: the agent journals only");
  }
  findings.fault("postgres",
                 "none is named here, but the running agent at " + config.admin.listen + " has one",
                 "Give this command the service's environment: --environment /etc/hookspool/environment");
}

void look_at_table(net::Connection& connection, const net::PgOptions& options, const std::string& what,
                   const net::TableMapping& mapping, Findings& findings) {
  const auto report = net::look_at_target(connection, options, mapping);
  if (!report) {
    findings.fault(what, report.error().text, report.error().hint, code_of(report.error()));
    return;
  }
  const std::string table = mapping.shown_name();
  if (report->refused.empty() && report->faults.empty()) findings.ok(what, "to " + table + ", which fits");
  for (const auto& each : report->refused) findings.fault(what, table + ": " + each, "");
  for (const auto& each : report->faults) findings.fault(what, table + ": " + each, "");
  for (const auto& each : report->warnings) findings.warning(what, table + ": " + each, "");
}

void look_at_sources(net::Connection& connection, const Config& config, Findings& findings) {
  const auto& options = config.postgres.options;
  for (const auto& source : config.sources) {
    const std::string what = "source " + source.name;
    if (!source.tables) {
      findings.ok(what, "to " + options.schema + ".events");
      continue;
    }
    for (const auto& mapping : source.tables->tables)
      look_at_table(connection, options, what, mapping, findings);
    if (source.tables->also_events) findings.ok(what, "to " + options.schema + ".events as well");
  }
}

// The rights that the role lacks on the table of a source.
void print_rights(net::Connection& connection, const net::PgOptions& options,
                  const net::TableMapping& mapping) {
  const auto report = net::look_at_target(connection, options, mapping);
  if (!report) {
    print("-- %s could not be looked at: %s\n", mapping.shown_name().c_str(), report.error().text.c_str());
  } else if (!report->found) {
    print("-- %s does not exist yet: create it, then run this again for its GRANTs.\n",
          mapping.shown_name().c_str());
  }
  if (!report) return;
  for (const auto& grant : report->grants) print("%s\n", grant.c_str());
}

// Of the agent that runs with this configuration; no object if none does.
Json health_of_agent(const Config& config) {
  const auto answer =
      net::http_call("unix:" + admin_socket_path(config), "GET", "/health", {}, "", kAgentDeadline);
  return answer ? Json::parse(answer->body, nullptr, false) : Json();
}

// The databases that were set aside in a journal's folder and wait for salvage. Nothing: this user may not look into it, or
// there is none.
std::optional<std::set<std::string>> files_set_aside(const std::string& folder) {
  constexpr std::string_view kWal = "-wal", kSharedMemory = "-shm";
  std::set<std::string> files;
  std::error_code error;
  std::filesystem::directory_iterator entries(folder, error);
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    std::string name = entries->path().filename().string();
    if (name.starts_with(storage::kSalvagedPrefix) || name.ends_with(kSharedMemory)) continue;
    if (!storage::Folder::number_set_aside(name)) continue;
    if (name.ends_with(kWal)) name.resize(name.size() - kWal.size());  // the WAL alone may be what is left
    files.insert(std::move(name));
  }
  return error ? std::nullopt : std::optional(std::move(files));
}

// What lies in the journal's folder and is not delivered: what was set aside, and what cannot be read at the moment.
void look_at_journal(const Config& config, Findings& findings) {
  const auto health = health_of_agent(config);
  const auto number = [&](const char* name) {
    return health.is_object() ? health.value(Json::json_pointer(name), std::uint64_t{0}) : 0;
  };
  // Where this user may not look into the folder, a running agent can.
  const auto files = files_set_aside(config.journal.path);
  const std::uint64_t set_aside = files ? files->size() : number("/journal/set_aside_files");
  if (set_aside > 0) {
    const std::string first = files ? " (the first: " + printable(*files->begin()) + ")" : "";
    findings.warning(
        "journal",
        std::to_string(set_aside) + " damaged files lie in " + config.journal.path + first +
            "; events in them may be missing",
        "Stop the agent and run hookspool salvage --config ..., which takes out of them what can "
        "still be read.");
  }
  if (number("/journal/unreadable_segments") > 0) {
    findings.warning("journal",
                     "cannot be read at the moment: " +
                         printable(health.value(Json::json_pointer("/journal/unreadable_because"), "")),
                     "It is tried again every 5 s; its events are delivered as soon as it can be read.");
  }
}

// Where an agent runs with this configuration: which of its lanes do not go on.
void look_at_agent(const Config& config, Findings& findings) {
  const auto health = health_of_agent(config);
  if (!health.is_object()) return;  // none runs
  for (const auto& lane : health.value("lanes", Json::array())) {
    const std::string state = lane.value("state", ""), error = lane.value("error", "");
    if (error.empty() || (state != "held" && state != "waiting")) continue;
    findings.warning("lane " + lane.value("lane", ""), "is " + state + ": " + error, lane.value("hint", ""));
  }
}

// What an administrator would run; with the role's name where PostgreSQL can be asked for it.
void print_sql(const Config& config) {
  const auto& options = config.postgres.options;
  std::unique_ptr<net::Connection> connection;
  std::string role;
  if (net::Connection::configured(options.conninfo)) {
    auto connected = net::Connection::connect(options);
    if (connected) connection = std::move(connected).value();
    auto rows = connection ? connection->query("SELECT current_user", net::statement_deadline(options))
                           : net::PgResult<net::PgRows>(fail(connected.error()));
    if (rows && !rows->rows.empty()) role = rows->rows[0][0].value_or("");
    if (!rows) tell("without GRANTs, since the role is not known: %s\n", rows.error().text.c_str());
  }
  print_raw(net::schema_sql(options.schema, role));
  print_raw("-- Only where the events table is larger than " +
            std::to_string(net::kEventsIndexedAtOnceBytesMax >> 20) +
            " MiB, and not in a transaction; deliveries go on meanwhile:\n-- " +
            net::feeds_index_sql(options.schema));
  if (role.empty()) return;
  if (config.postgres.keep_rows.count() > 0)
    print_raw("-- For keep_rows:\n" + net::prune_grant_sql(options.schema, role));
  for (const auto& source : config.sources) {
    if (!source.tables) continue;
    for (const auto& mapping : source.tables->tables) print_rights(*connection, options, mapping);
  }
}

}  // namespace

int DoctorCommand::run(const Config& config, bool json) const {
  if (sql) {
    print_sql(config);
    return kExitOk;
  }
  Findings findings;
  look_at_machine(config, findings);
  look_at_journal(config, findings);
  const auto& options = config.postgres.options;
  if (!net::Connection::configured(options.conninfo)) {
    look_for_environment(config, findings);
    findings.show(json);
    return findings.code();
  }
  if (const auto server = net::Connection::unverified_server(options.conninfo); !server.empty()) {
    findings.warning(
        "certificate",
        "that of " + server + " is not checked: any host on the way can read and change what is sent",
        "Set sslmode=verify-full in conninfo.");
  }
  auto connection = net::Connection::connect(options);
  if (!connection) {
    const auto& error = connection.error();
    findings.fault("connection", error.text, error.hint, code_of(error));
    findings.show(json);
    return findings.code();
  }
  findings.ok("connection", (*connection)->server_description() + ", by " +
                                (config.postgres.conninfo_from == "conninfo"
                                     ? "conninfo"
                                     : config.postgres.conninfo_from + " of the environment"));
  look_at_server(**connection, config, findings);
  look_at_encoding(**connection, options, findings);
  look_at_schema(**connection, options, findings);
  look_at_identity(**connection, config, findings);
  look_at_sources(**connection, config, findings);
  look_at_agent(config, findings);
  findings.show(json);
  return findings.code();
}

}  // namespace hookspool::agent
