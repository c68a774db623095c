#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "agent/alerts/alert_destination.h"
#include "agent/base/exit_codes.h"
#include "agent/base/units.h"
#include "agent/commands/commands.h"
#include "agent/commands/output.h"
#include "agent/config/journal_limits.h"
#include "agent/config/socket_files.h"
#include "agent/config/source_files.h"
#include "net/pg/tables/mapping_advice.h"
#include "storage/model/printable.h"

namespace hookspool::agent {
namespace {

void print_table(const net::TableMapping& table) {
  print("    table   %s", table.shown_name().c_str());
  if (table.on_conflict != net::OnConflict::kError) {
    print(", on conflict%s", table.conflict_keys.empty() ? "" : " of");
    for (std::size_t i = 0; i < table.conflict_keys.size(); ++i) {
      print("%s %s", i == 0 ? "" : ",", table.conflict_keys[i].c_str());
    }
    print(": %s", table.on_conflict == net::OnConflict::kUpdate ? "update" : "ignore");
  }
  print("\n");
  if (table.for_each) {
    print("      for each %s, up to %zu of a webhook; %s\n", table.for_each->text().c_str(), table.items_max,
          table.missing_is_refused ? "no list there is a dead letter" : "no list there is no row");
  }
  if (table.where) print("      where %s\n", printable(table.where->text()).c_str());
  for (const auto& column : table.columns) {
    print("      %-20s <- %s\n", column.name.c_str(), column.source.spec.c_str());
  }
}

void print_room(const storage::LaneQuota& room) {
  print("    room    ");
  if (room.bytes_max != UINT64_MAX) print("up to %s undelivered, ", format_bytes(room.bytes_max).c_str());
  print("%s\n", room.sender_retries ? "refused first when it gets short: the sender sends again"
                                    : "refused last: the sender is not known to send again");
}

void print_answers(const SourceConfig& source) {
  if (!source.verify_token.empty()) print("    handshake with its verify_token\n");
  if (source.quarantine) print("    bad signatures are kept in quarantine\n");
  if (source.keep) print("    keeps   only %s\n", printable(source.keep->text()).c_str());
  if (source.form) print("    forms   as JSON%s\n", source.form->multipart ? ", multipart too" : "");
  if (!source.redact.empty()) {
    print("    redacts %zu places, in PostgreSQL%s\n",
          source.redact.pointers.size() + source.redact.headers.size(),
          source.redact_journal ? " and in the journal" : "");
  }
  if (source.rate_max > 0) {
    print("    rate    %zu a second, %zu at once\n", source.rate_max,
          source.burst_max > 0 ? source.burst_max : source.rate_max);
  }
  if (source.response) {
    print("    answer  %d %s: %s\n", source.response->status, source.response->content_type.c_str(),
          printable(source.response->body).c_str());
  }
}

// Those that were read just now as a part of the configuration.
void print_source_files(const std::string& file) {
  if (file.empty()) return;
  const auto added = source_files_of(file);
  if (!added) return;
  for (const auto& each : *added) print("  file      %s\n", printable(each.path).c_str());
}

std::string shown_postgres(const PostgresConfig& postgres) {
  if (postgres.conninfo_from.empty()) {
    return postgres.database_url_is_empty ? "none: journal only (DATABASE_URL is set, but empty)"
                                          : "none: journal only";
  }
  const std::string server = net::Connection::server_in(postgres.options.conninfo);
  return (server.empty() ? "libpq's defaults" : server) + ", by " + postgres.conninfo_from +
         (postgres.conninfo_from == "conninfo" ? "" : " of the environment");
}

// Of the file system that holds `path` or will hold it: the nearest folder above that is there.
std::optional<std::uint64_t> disk_bytes(std::filesystem::path path) {
  std::error_code error;
  for (;;) {
    const auto space = std::filesystem::space(path, error);
    if (!error) return space.capacity;
    if (!path.has_relative_path()) return std::nullopt;
    path = path.parent_path();
  }
}

// What a request without a proof of its sender may decide: a genuine one is then shut out by a client that uses the same
// value first. ("Who can shut an event out" in ARCHITECTURE.md; "delivery_id" and "body" hold the bytes as well.)
void warn_of_identity(const SourceConfig& source, std::vector<std::string>& lines) {
  if (source.scheme.kind != net::Scheme::Kind::kNone) return;
  const std::string remedy = "; give the source a signature or a token (verify)";
  const auto& rule = source.dedupe;
  if (rule.by == DedupeRule::By::kPointer || rule.by == DedupeRule::By::kHeader) {
    const bool header = rule.by == DedupeRule::By::kHeader;
    lines.push_back("source " + source.name + " takes everything (verify = \"none\"), and dedupe = \"" +
                    (header ? "header:" : "") + printable(rule.name) +
                    "\" alone makes a repeat: a client that uses the next value first shuts the genuine "
                    "event out" +
                    remedy);
  }
  if (!source.tables) return;
  const auto& tables = source.tables->tables;
  const auto decides = std::find_if(tables.begin(), tables.end(), [](const net::TableMapping& table) {
    return table.on_conflict != net::OnConflict::kError;
  });
  if (decides == tables.end()) return;
  const bool update = decides->on_conflict == net::OnConflict::kUpdate;
  lines.push_back("source " + source.name + " takes everything (verify = \"none\"), and on_conflict = \"" +
                  (update ? "update" : "ignore") + "\" lets one event " +
                  (update ? "overwrite the row of another: any client can change what a genuine one wrote"
                          : "keep another from its row: a client that uses the next key first shuts the "
                            "genuine event out") +
                  remedy);
}

void advise_on_tables(const SourceConfig& source, std::vector<std::string>& lines) {
  if (!source.tables) return;
  for (const auto& table : source.tables->tables) {
    for (const auto& advice : net::advice_on(table))
      lines.push_back("source " + source.name + ", table " + table.shown_name() + ": " + advice);
  }
}

// What is allowed and may be meant, but is seldom right.
std::vector<std::string> warnings(const Config& config) {
  std::vector<std::string> lines;
  const auto& journal = config.journal;
  if (const auto disk = disk_bytes(journal.path);
      disk && journal.bytes_max + journal.free_bytes_min > *disk) {
    lines.push_back("journal: max_bytes (" + format_bytes(journal.bytes_max) + ") and min_free_bytes (" +
                    format_bytes(journal.free_bytes_min) + ") together are more than the disk has (" +
                    format_bytes(*disk) + "): senders get 503 before max_bytes is reached");
  }
  const bool open = !is_local_listener(config.intake.listen);
  for (const auto& source : config.sources) {
    if (!open || source.scheme.kind != net::Scheme::Kind::kNone) continue;
    lines.push_back("source " + source.name + " takes everything (verify = \"none\"), and " +
                    config.intake.listen + " can be reached from other machines");
  }
  for (const auto& source : config.sources) warn_of_identity(source, lines);
  for (const auto& source : config.sources) advise_on_tables(source, lines);
  for (auto& line : socket_warnings(config)) lines.push_back(std::move(line));
  if (config.postgres.conninfo_from == "conninfo" &&
      net::Connection::holds_password(config.postgres.options.conninfo)) {
    lines.push_back(
        "postgres.conninfo: holds a password; use passfile=FILE, or PGPASSWORD in the service's environment");
  }
  return lines;
}

}  // namespace

int exit_code_of(const ConfigFaults& faults) {
  switch (faults.kind) {
    case ConfigFaults::Kind::kNoFile:
      return kExitNoInput;
    case ConfigFaults::Kind::kNotPermitted:
      return kExitNoPermission;
    case ConfigFaults::Kind::kFaulty:
      break;
  }
  return kExitConfig;
}

int report_config(const Config& config, const std::string& file) {
  print("%s: ok\n", file.empty() ? "no configuration file, embedded default" : file.c_str());
  print_source_files(file);
  print("  intake    %s, bodies up to %s\n", config.intake.listen.c_str(),
        format_bytes(config.intake.body_bytes_max).c_str());
  print("  admin     %s and %s\n", config.admin.listen.c_str(), admin_socket_path(config).c_str());
  storage::JournalOptions room;
  set_quotas(config, room);
  print("  journal   %s, up to %s\n", config.journal.path.c_str(),
        format_bytes(config.journal.bytes_max).c_str());
  print("  postgres  %s\n", shown_postgres(config.postgres).c_str());
  for (const AlertDestination destination : kAlertDestinations) {
    if (is_configured(destination, config.alerts))
      print("  alerts    %s\n", shown_destination(destination, config.alerts).c_str());
  }
  if (config.sources.empty()) print("  sources   any POST /hooks/<name>\n");
  for (const auto& source : config.sources) {
    print("  source    %s at %s, signature: %s\n", source.name.c_str(), source.path.c_str(),
          source.verify.c_str());
    print_answers(source);
    print_room(room.lane_quotas.at(source.name));
    if (!source.tables) continue;
    for (const auto& table : source.tables->tables) print_table(table);
    if (source.tables->also_events) print("    table   the events table as well\n");
  }
  for (const auto& line : warnings(config)) tell("warning: %s\n", line.c_str());
  return kExitOk;
}

}  // namespace hookspool::agent
