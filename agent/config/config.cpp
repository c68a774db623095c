#include "agent/config/config.h"

#include <filesystem>
#include <set>

#include "agent/base/regular_file.h"
#include "agent/config/config_access.h"
#include "agent/config/config_alerts.h"
#include "agent/config/config_environment.h"
#include "agent/config/config_intake.h"
#include "agent/config/config_reader.h"
#include "agent/config/config_scan.h"
#include "agent/config/config_verify.h"
#include "agent/config/source_files.h"
#include "agent/config/source_tables.h"

namespace hookspool::agent {
namespace {

constexpr milliseconds kSecond{1'000};
constexpr milliseconds kHour{3'600'000};
// prune() deletes nothing that is younger than a day.
constexpr milliseconds kKeepRowsMin = 24 * kHour, kKeepRowsMax = 100 * 365 * 24 * kHour;

void read_agent(TableReader section, Config& config) {
  section.text("id", config.agent_id);
  if (config.agent_id.size() > 128) section.fault("id", "is longer than 128 bytes");
  section.text("log_level", config.log_level);
  const std::set<std::string> levels{"debug", "info", "warn", "error"};
  if (!levels.contains(config.log_level)) section.fault("log_level", "is one of debug, info, warn, error");
  if (section.text("log_format", config.log_format))
    one_of(section, "log_format", config.log_format, {"text", "json"});
  section.finish();
}

void read_admin(TableReader section, AdminConfig& admin) {
  section.listen("listen", admin.listen);
  check_listen(section, "listen", admin.listen);
  if (!is_local_listener(admin.listen)) {
    section.fault("listen",
                  "\"" + admin.listen +
                      "\" can be reached from other machines and asks for no password; use a loopback "
                      "address or unix:/path");
  }
  if (section.path("socket", admin.socket)) check_listen(section, "socket", "unix:" + admin.socket);
  read_socket_file(section, admin.socket_file);
  section.finish();
}

void read_journal(TableReader section, JournalConfig& journal) {
  section.path("path", journal.path);
  section.bytes("max_bytes", journal.bytes_max, 16ull << 20, 1ull << 50);
  section.bytes("min_free_bytes", journal.free_bytes_min, 0, 1ull << 50);
  section.share("source_share_max", journal.source_share_max);
  section.duration("keep_delivered", journal.keep_delivered, milliseconds(0), 365 * 24 * kHour);
  section.duration("dedupe_keep", journal.dedupe_keep, milliseconds(0), 365 * 24 * kHour);
  std::size_t keys = journal.dedupe_keys_max;
  section.integer("dedupe_max_keys", keys, 1'000, 1'000'000'000);
  journal.dedupe_keys_max = keys;
  section.finish();
}

void read_postgres(TableReader section, PostgresConfig& postgres, milliseconds keep_delivered) {
  auto& options = postgres.options;
  if (section.text("conninfo", options.conninfo)) {
    const auto checked = net::Connection::check_conninfo(options.conninfo);
    if (!checked) section.fault("conninfo", checked.error().text);
  }
  section.integer("pool_size", options.pool_size, 1, 100);
  section.duration("pool_recycle", options.pool_recycle, kSecond, 24 * kHour);
  section.boolean("pre_ping", options.pre_ping);
  section.boolean("reset_on_return", options.reset_on_return);
  section.duration("connect_timeout", options.connect_timeout, kSecond, kHour);
  section.duration("statement_timeout", options.statement_timeout, kSecond, kHour);
  section.duration("idle_in_transaction_session_timeout", options.idle_in_transaction_session_timeout,
                   kSecond, kHour);
  section.duration("lock_timeout", options.lock_timeout, milliseconds(100), kHour);
  section.duration("backoff_min", postgres.backoff_min, milliseconds(10), kHour);
  section.duration("backoff_max", postgres.backoff_max, milliseconds(10), kHour);
  if (postgres.backoff_max < postgres.backoff_min) {
    section.fault("backoff_max", "is smaller than backoff_min");
  }
  section.integer("batch_events", postgres.batch_events_max, 1, 100'000);
  std::uint64_t batch_bytes = postgres.batch_bytes_max;
  section.bytes("batch_bytes", batch_bytes, 64 * 1024, 256ull << 20);
  postgres.batch_bytes_max = batch_bytes;
  section.integer("hold_after", postgres.hold_after, 0, 1'000);
  section.text("schema", options.schema);
  if (options.schema.empty() || options.schema.size() > 63) section.fault("schema", "needs 1 to 63 bytes");
  if (section.text("notify", options.notify) &&
      (options.notify.empty() || options.notify.size() > net::kIdentifierBytesMax)) {
    section.fault("notify", "needs a channel's name of 1 to 63 bytes");
  }
  if (section.has("keep_rows")) {
    section.duration("keep_rows", postgres.keep_rows, kKeepRowsMin, kKeepRowsMax);
    if (postgres.keep_rows.count() > 0 && postgres.keep_rows < keep_delivered)
      section.fault("keep_rows",
                    "is shorter than [journal] keep_delivered, for which events can be compared");
  }
  section.unsupported("sslmode", "write it in conninfo, as in \"host=db sslmode=verify-full\"");
  section.finish();
}

Result<toml::table, ConfigFaults> document_of(const std::string& toml, const std::string& name) {
  if (const auto found = scan_config(toml)) {
    const std::string place = std::to_string(found->line) + ":" + std::to_string(found->column);
    return fail(ConfigFaults{{name + ":" + place + ": " + found->what}});
  }
  try {
    return toml::parse(toml, name);
  } catch (const toml::parse_error& error) {
    FaultList faults(name);
    faults.add(error.source(), std::string("is not TOML here: ") + std::string(error.description()));
    return fail(ConfigFaults{faults.sorted()});
  }
}

// The faults of every file, as many as one file may have.
ConfigFaults all_of(std::vector<std::string> lines, const std::string& file) {
  if (lines.size() > kFaultsShownMax + 1) {
    const std::size_t more = lines.size() - kFaultsShownMax;
    lines.resize(kFaultsShownMax);
    lines.push_back(file + ": and " + std::to_string(more) + " more faults, in the files of " +
                    kSourcesFolder + " too");
  }
  return ConfigFaults{std::move(lines)};
}

// What is wrong with the files that add sources, in the order of the files.
std::vector<std::string> read_additions(const std::vector<SourceFile>& additions,
                                        const std::string& main_file, SourceTables& sources) {
  std::vector<std::string> lines;
  for (const auto& addition : additions) {
    const auto document = document_of(addition.text, addition.path);
    if (!document) {
      lines.insert(lines.end(), document.error().lines.begin(), document.error().lines.end());
      continue;
    }
    FaultList faults(addition.path);
    sources.take_addition(*document, addition.path, main_file, faults);
    for (auto& line : faults.sorted()) lines.push_back(std::move(line));
  }
  return lines;
}

ConfigResult read_document(const toml::table& document, const std::string& file, FaultList& faults,
                           const std::vector<SourceFile>& additions) {
  Config config;
  TableReader root(&document, "", faults);
  const auto section = [&](std::string_view key) {
    return TableReader(root.table(key), std::string(key) + ".", faults);
  };
  read_agent(section("agent"), config);
  read_intake(section("intake"), config.intake);
  read_admin(section("admin"), config.admin);
  read_journal(section("journal"), config.journal);
  read_quarantine(section("quarantine"), config.quarantine);
  read_postgres(section("postgres"), config.postgres, config.journal.keep_delivered);
  read_alerts(section("alerts"), config.alerts, faults);
  SourceTables sources(config);
  sources.take(root.table("sources"), file, faults);
  root.finish();
  const auto faults_added = read_additions(additions, file, sources);
  auto tables = std::make_shared<net::LaneTables>();
  for (const auto& source : config.sources) {
    net::BodyRules rules{source.form, source.redact, source.keep_raw};
    if (rules != net::BodyRules()) tables->bodies.emplace(source.name, std::move(rules));
    if (source.tables) tables->by_lane.emplace(source.name, *source.tables);
  }
  config.postgres.options.tables = std::move(tables);
  if (config.sources.empty() && faults.empty() && faults_added.empty() &&
      !is_local_listener(config.intake.listen)) {
    faults.add(
        "intake.listen: " + config.intake.listen +
        " can be reached from other machines, so the sources must be named: add [sources.NAME] with a path "
        "(without any, every POST /hooks/<name> would be taken)");
  }
  if (faults.empty() && faults_added.empty()) return config;
  auto lines = faults.sorted();
  lines.insert(lines.end(), faults_added.begin(), faults_added.end());
  return fail(all_of(std::move(lines), file));
}

ConfigResult config_of(const std::string& toml, const std::string& name,
                       const std::vector<SourceFile>& additions) {
  const auto document = document_of(toml, name);
  if (!document) return fail(document.error());
  FaultList faults(name);
  auto config = read_document(*document, name, faults, additions);
  if (!config) return config;
  return with_environment(std::move(*config));
}

Result<std::string, ConfigFaults> text_of(const std::string& file) {
  auto read = read_regular_file(file, kConfigFileBytesMax);
  if (!read) return fail(cannot_read(file, read.error()));
  return std::move(read->content);
}

}  // namespace

bool is_local_listener(const std::string& listen) {
  return listen.starts_with("unix:") || listen.starts_with("127.") || listen.starts_with("[::1]:") ||
         listen.starts_with("localhost:");
}

ConfigResult parse_config(const std::string& toml, const std::string& name_in_faults) {
  return config_of(toml, name_in_faults, {});
}

std::set<std::string> keys_looked_for(const std::string& toml) {
  FaultList faults("keys");
  if (const auto document = document_of(toml, "keys")) (void)read_document(*document, "keys", faults, {});
  return faults.keys();
}

ConfigResult load_config(const std::string& file) {
  const auto text = text_of(file);
  if (!text) return fail(text.error());
  const auto additions = source_files_of(file);
  if (!additions) return fail(additions.error());
  return config_of(*text, file, *additions);
}

ConfigResult read_config(const std::string& file) {
  return file.empty() ? embedded_default() : load_config(file);
}

ConfigResult admin_part(const std::string& file) {
  if (file.empty()) return embedded_default();
  const auto text = text_of(file);
  if (!text) return fail(text.error());
  const auto document = document_of(*text, file);
  if (!document) return fail(document.error());
  // Their faults are for the agent to tell; a default says where it would be without them.
  FaultList unused(file);
  Config config;
  TableReader admin(document->get_as<toml::table>("admin"), "admin.", unused);
  admin.path("socket", config.admin.socket);
  admin.text("listen", config.admin.listen);
  TableReader(document->get_as<toml::table>("journal"), "journal.", unused).path("path", config.journal.path);
  return config;
}

ConfigResult embedded_default() {
  Config config;
  std::error_code error;
  config.journal.path = std::filesystem::absolute("var/journal", error).string();
  return with_environment(std::move(config));
}

}  // namespace hookspool::agent
