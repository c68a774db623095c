#include "agent/config/config_changes.h"

#include <algorithm>

namespace hookspool::agent {
namespace {

class Comparer {
 public:
  Comparer(std::string section, ConfigChanges& changes) : section_(std::move(section)), changes_(changes) {}

  template <class T>
  bool live(const char* key, const T& was, const T& is) {
    if (was == is) return false;
    changes_.changed.push_back(section_ + key);
    return true;
  }
  template <class T>
  void fixed(const char* key, const T& was, T& is) {
    if (was == is) return;
    changes_.needs_restart.push_back(section_ + key);
    is = was;
  }

 private:
  const std::string section_;
  ConfigChanges& changes_;
};

void settle_intake(const IntakeConfig& now, IntakeConfig& next, ConfigChanges& changes) {
  Comparer intake("intake.", changes);
  intake.fixed("listen", now.listen, next.listen);
  intake.fixed("socket_mode", now.socket_file.mode, next.socket_file.mode);
  intake.fixed("socket_group", now.socket_file.group, next.socket_file.group);
  if (now.tls.given() != next.tls.given()) {
    intake.fixed("certificate_file", now.tls, next.tls);
  } else {
    intake.live("certificate_file", now.tls.certificate_file, next.tls.certificate_file);
    intake.live("key_file", now.tls.key_file, next.tls.key_file);
  }
  intake.live("max_body_bytes", now.body_bytes_max, next.body_bytes_max);
  intake.live("request_deadline", now.request_deadline, next.request_deadline);
  intake.live("idle_timeout", now.idle_timeout, next.idle_timeout);
  intake.live("max_connections", now.connections_max, next.connections_max);
  intake.live("max_connections_per_address", now.connections_per_address_max,
              next.connections_per_address_max);
  const bool same_proxies =
      now.proxies.networks == next.proxies.networks && now.proxies.unix_socket == next.proxies.unix_socket;
  intake.live("trusted_proxies", true, same_proxies);
  intake.live("forwarded_header", now.proxies.header, next.proxies.header);
}

void settle_journal(const JournalConfig& now, JournalConfig& next, ConfigChanges& changes) {
  Comparer journal("journal.", changes);
  journal.fixed("path", now.path, next.path);
  journal.fixed("dedupe_keep", now.dedupe_keep, next.dedupe_keep);
  journal.fixed("dedupe_max_keys", now.dedupe_keys_max, next.dedupe_keys_max);
  journal.live("max_bytes", now.bytes_max, next.bytes_max);
  journal.live("min_free_bytes", now.free_bytes_min, next.free_bytes_min);
  journal.live("source_share_max", now.source_share_max, next.source_share_max);
  journal.live("keep_delivered", now.keep_delivered, next.keep_delivered);
}

void settle_quarantine(const QuarantineConfig& now, const QuarantineConfig& next, ConfigChanges& changes) {
  Comparer quarantine("quarantine.", changes);
  quarantine.live("max_requests", now.requests_max, next.requests_max);
  quarantine.live("max_bytes", now.bytes_max, next.bytes_max);
  quarantine.live("max_requests_per_source", now.source_requests_max, next.source_requests_max);
  quarantine.live("max_bytes_per_source", now.source_bytes_max, next.source_bytes_max);
  quarantine.live("keep", now.keep, next.keep);
}

// Connections, and what each of them was given when it was opened, outlive a reload.
void settle_postgres(const PostgresConfig& now, PostgresConfig& next, ConfigChanges& changes) {
  Comparer postgres("postgres.", changes);
  const auto& was = now.options;
  auto& is = next.options;
  postgres.fixed("conninfo", was.conninfo, is.conninfo);
  postgres.fixed("schema", was.schema, is.schema);
  postgres.fixed("pool_size", was.pool_size, is.pool_size);
  postgres.fixed("pool_recycle", was.pool_recycle, is.pool_recycle);
  postgres.fixed("pre_ping", was.pre_ping, is.pre_ping);
  postgres.fixed("reset_on_return", was.reset_on_return, is.reset_on_return);
  postgres.fixed("connect_timeout", was.connect_timeout, is.connect_timeout);
  postgres.fixed("statement_timeout", was.statement_timeout, is.statement_timeout);
  postgres.fixed("idle_in_transaction_session_timeout", was.idle_in_transaction_session_timeout,
                 is.idle_in_transaction_session_timeout);
  postgres.fixed("lock_timeout", was.lock_timeout, is.lock_timeout);
  postgres.fixed("backoff_min", now.backoff_min, next.backoff_min);
  postgres.fixed("backoff_max", now.backoff_max, next.backoff_max);
  postgres.live("batch_events", now.batch_events_max, next.batch_events_max);
  postgres.live("batch_bytes", now.batch_bytes_max, next.batch_bytes_max);
  postgres.live("hold_after", now.hold_after, next.hold_after);
  postgres.live("notify", was.notify, is.notify);
  postgres.live("keep_rows", now.keep_rows, next.keep_rows);
}

void settle_alerts(const AlertsConfig& now, const AlertsConfig& next, ConfigChanges& changes) {
  Comparer alerts("alerts.", changes);
  alerts.live("webhook_url", now.webhook_url, next.webhook_url);
  alerts.live("webhook_secret", now.webhook_secret, next.webhook_secret);
  alerts.live("webhook_format", now.webhook_format, next.webhook_format);
  alerts.live("webhook_ca_file", now.webhook_ca_file, next.webhook_ca_file);
  alerts.live("command", now.command, next.command);
  alerts.live("command_timeout", now.command_timeout, next.command_timeout);
  alerts.live("offline_after", now.offline_after, next.offline_after);
  alerts.live("full_within", now.full_within, next.full_within);
  alerts.live("certificate_within", now.certificate_within, next.certificate_within);
  alerts.live("silent_sources", now.silent_sources, next.silent_sources);
}

using Tables = std::optional<net::LaneMapping>;

// By the keys that differ, where a source has the same one table as before.
void compare_tables(Comparer& source, const Tables& now, const Tables& next) {
  source.live("also", now && now->also_events, next && next->also_events);
  const bool one = now && next && now->tables.size() == 1 && next->tables.size() == 1 &&
                   now->tables.front().quoted_name() == next->tables.front().quoted_name();
  const std::vector<net::TableMapping> none;
  if (!one) {
    const bool several = (now && now->tables.size() > 1) || (next && next->tables.size() > 1);
    source.live(several ? "tables" : "table", now ? now->tables : none, next ? next->tables : none);
    return;
  }
  const net::TableMapping &was = now->tables.front(), &is = next->tables.front();
  source.live("columns", was.columns, is.columns);
  source.live("on_conflict", was.on_conflict, is.on_conflict);
  source.live("conflict_keys", was.conflict_keys, is.conflict_keys);
  source.live("for_each", was.for_each, is.for_each);
  source.live("for_each_missing", was.missing_is_refused, is.missing_is_refused);
  source.live("max_items", was.items_max, is.items_max);
  source.live("where", was.where, is.where);
}

void compare_form(Comparer& source, const std::optional<net::FormRules>& now,
                  const std::optional<net::FormRules>& next) {
  if (source.live("form", now.has_value(), next.has_value()) || !now) return;
  source.live("form_json", now->json, next->json);
  source.live("form_lists", now->lists, next->lists);
  source.live("form_multipart", now->multipart, next->multipart);
}

void compare_source(const SourceConfig& now, const SourceConfig& next, ConfigChanges& changes) {
  Comparer source("sources." + next.name + ".", changes);
  net::Scheme of_now = now.scheme, of_next = next.scheme;
  of_now.tolerance = of_next.tolerance = {};
  source.live("path", now.path, next.path);
  if (!source.live("verify", now.verify, next.verify)) {
    source.live("signature", of_now, of_next);
    source.live("timestamp_tolerance", now.scheme.tolerance, next.scheme.tolerance);
  }
  source.live("secrets", now.secrets, next.secrets);
  source.live("public_url", now.public_url, next.public_url);
  source.live("verify_token", now.verify_token, next.verify_token);
  source.live("probe", now.probes, next.probes);
  source.live("on_bad_signature", now.quarantine, next.quarantine);
  source.live("dedupe", now.dedupe, next.dedupe);
  source.live("keep", now.keep, next.keep);
  compare_form(source, now.form, next.form);
  source.live("redact", now.redact, next.redact);
  source.live("redact_journal", now.redact_journal, next.redact_journal);
  source.live("keep_raw", now.keep_raw, next.keep_raw);
  source.live("max_rate", now.rate_max, next.rate_max);
  source.live("max_burst", now.burst_max, next.burst_max);
  source.live("response", now.response, next.response);
  source.live("max_bytes", now.bytes_max, next.bytes_max);
  source.live("sender_retries", now.sender_retries, next.sender_retries);
  compare_tables(source, now.tables, next.tables);
}

const SourceConfig* find(const std::vector<SourceConfig>& sources, const std::string& name) {
  const auto found =
      std::find_if(sources.begin(), sources.end(), [&](const auto& source) { return source.name == name; });
  return found == sources.end() ? nullptr : &*found;
}

void compare_sources(const std::vector<SourceConfig>& now, const std::vector<SourceConfig>& next,
                     ConfigChanges& changes) {
  for (const auto& source : next) {
    if (const auto* was = find(now, source.name)) {
      compare_source(*was, source, changes);
    } else {
      changes.changed.push_back("sources." + source.name + " (added)");
    }
  }
  for (const auto& source : now) {
    if (find(next, source.name) == nullptr)
      changes.changed.push_back("sources." + source.name + " (removed)");
  }
}

}  // namespace

ConfigChanges settle_changes(const Config& now, Config& next) {
  ConfigChanges changes;
  Comparer agent("agent.", changes), admin("admin.", changes);
  agent.fixed("id", now.agent_id, next.agent_id);
  agent.live("log_level", now.log_level, next.log_level);
  agent.live("log_format", now.log_format, next.log_format);
  settle_intake(now.intake, next.intake, changes);
  admin.fixed("listen", now.admin.listen, next.admin.listen);
  admin.fixed("socket", now.admin.socket, next.admin.socket);
  admin.fixed("socket_mode", now.admin.socket_file.mode, next.admin.socket_file.mode);
  admin.fixed("socket_group", now.admin.socket_file.group, next.admin.socket_file.group);
  settle_journal(now.journal, next.journal, changes);
  settle_quarantine(now.quarantine, next.quarantine, changes);
  settle_postgres(now.postgres, next.postgres, changes);
  settle_alerts(now.alerts, next.alerts, changes);
  compare_sources(now.sources, next.sources, changes);
  return changes;
}

}  // namespace hookspool::agent
