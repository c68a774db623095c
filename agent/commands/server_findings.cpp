#include "agent/commands/server_findings.h"

#include <charconv>
#include <cstdlib>
#include <optional>
#include <string>

#include "agent/base/units.h"
#include "agent/base/wall_clock.h"
#include "agent/commands/machine_findings.h"
#include "net/pg/tables/retention_schema.h"

namespace hookspool::agent {
namespace {

constexpr std::int64_t kClocksApartUs = 5'000'000;

std::optional<std::int64_t> number(net::Connection& connection, const net::PgOptions& options,
                                   const std::string& sql) {
  const auto answer = connection.query(sql, net::statement_deadline(options), "looking at the server");
  if (!answer || answer->rows.empty() || !answer->rows[0][0]) return std::nullopt;
  const std::string& text = *answer->rows[0][0];
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

void look_at_tls(const net::Connection& connection, const Config& config, Findings& findings) {
  const net::TlsLine tls = connection.tls();
  if (tls.protocol.empty()) return findings.ok("tls postgres", "the connection is not encrypted");
  const std::string line = tls.protocol + " with " + tls.cipher;
  if (tls.certificate_not_after_s == 0) return findings.ok("tls postgres", line);
  look_at_certificate("tls postgres", line + ", ", tls.certificate_not_after_s,
                      "The server's administrator needs to renew it.", config, findings);
}

void look_at_clocks(net::Connection& connection, const net::PgOptions& options, Findings& findings) {
  const std::int64_t before_us = wall_clock_us();
  const auto there_us =
      number(connection, options, "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint");
  if (!there_us) return;
  const std::int64_t here_us = before_us + (wall_clock_us() - before_us) / 2;
  const std::int64_t apart_us = std::abs(*there_us - here_us);
  if (apart_us < kClocksApartUs) return;
  findings.warning(
      "clock", "differs from that of PostgreSQL by " + format_duration(milliseconds(apart_us / 1'000)),
      "Start time synchronisation on both; delivery does not depend on it, signatures with a time and "
      "received_at do.");
}

// A server's own answer to the start of a connection names the process that then answers; a pooler names none of its own.
void look_for_pooler(net::Connection& connection, const net::PgOptions& options, Findings& findings) {
  const auto backend = number(connection, options, "SELECT pg_backend_pid()");
  if (!backend || *backend == connection.announced_pid()) return;
  findings.ok("pooler",
              "PgBouncer or another pooler is in between; the agent works through it in every pool_mode but "
              "\"statement\". In pool_mode \"transaction\" LISTEN has no effect: consumers that wait for "
              "notify need a "
              "connection of their own to the server");
}

// The right to delete old rows. A function that is not there yet comes with the schema, which has a finding of its own.
void look_at_keep_rows(net::Connection& connection, const Config& config, Findings& findings) {
  if (config.postgres.keep_rows.count() == 0) return;
  const net::PgOptions& options = config.postgres.options;
  const auto withheld =
      number(connection, options,
             "SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
             " WHERE n.nspname = " +
                 connection.quote_literal(options.schema) +
                 " AND p.proname = 'prune' AND NOT has_function_privilege(p.oid, 'EXECUTE')");
  if (!withheld) return;
  if (*withheld == 0) {
    return findings.ok("keep_rows", "rows are deleted " + format_duration(config.postgres.keep_rows) +
                                        " after their receipt");
  }
  const auto role =
      connection.query("SELECT current_user", net::statement_deadline(options), "asking for the role");
  const std::string name = role && !role->rows.empty() ? role->rows[0][0].value_or("hookspool") : "hookspool";
  findings.fault(
      "keep_rows", "old rows stay: the agent's role may not call the function prune()",
      "An administrator must run this in the database:\n" + net::prune_grant_sql(options.schema, name));
}

}  // namespace

void look_at_server(net::Connection& connection, const Config& config, Findings& findings) {
  look_at_tls(connection, config, findings);
  look_at_clocks(connection, config.postgres.options, findings);
  look_for_pooler(connection, config.postgres.options, findings);
  look_at_keep_rows(connection, config, findings);
}

}  // namespace hookspool::agent
