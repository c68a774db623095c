#include "agent/reload/reconfigure.h"

#include <algorithm>
#include <memory>
#include <set>
#include <vector>

#include "agent/base/descriptors.h"
#include "agent/base/log.h"
#include "agent/base/wall_clock.h"
#include "agent/config/journal_limits.h"

namespace hookspool::agent {
namespace {

using Tables = std::shared_ptr<const net::LaneTables>;

bool waits(const storage::Journal& journal, const std::string& lane) {
  const auto runs = journal.runs(lane);
  return std::any_of(runs.begin(), runs.end(), [](const auto& run) {
    return run.first_seq <= run.last_seq && run.confirmed.seq < run.last_seq;
  });
}

net::LaneTables tables_of(const Config& config) {
  return config.postgres.options.tables ? *config.postgres.options.tables : net::LaneTables{};
}

// What waits of a removed source goes where its sender was promised it would.
Tables with_tables_of_removed(const Config& now, const Config& next, const storage::Journal& journal) {
  auto tables = std::make_shared<net::LaneTables>(tables_of(next));
  const net::LaneTables before = tables_of(now);
  const auto still_waits = [&](const std::string& lane) {
    const bool removed = std::none_of(next.sources.begin(), next.sources.end(),
                                      [&](const auto& source) { return source.name == lane; });
    return removed && waits(journal, lane);
  };
  for (const auto& entry : before.by_lane) {
    if (still_waits(entry.first)) tables->by_lane.insert(entry);
  }
  for (const auto& entry : before.bodies) {
    if (still_waits(entry.first)) tables->bodies.insert(entry);
  }
  return tables;
}

std::vector<std::string> lanes_with_other_tables(const net::LaneTables& was, const net::LaneTables& is) {
  std::set<std::string> lanes;
  for (const auto* tables : {&was, &is}) {
    for (const auto& [lane, mapping] : tables->by_lane) {
      const auto *before = was.find(lane), *after = is.find(lane);
      const bool same = before != nullptr && after != nullptr && *before == *after;
      if (!same) lanes.insert(lane);
    }
  }
  return {lanes.begin(), lanes.end()};
}

}  // namespace

net::HttpOptions intake_options(const IntakeConfig& intake) {
  net::HttpOptions options;
  options.listen = intake.listen;
  options.body_bytes_max = intake.body_bytes_max;
  options.request_deadline = intake.request_deadline;
  options.idle_deadline = intake.idle_timeout;
  options.connections_max = descriptors_for_connections(intake.connections_max);
  if (options.connections_max < intake.connections_max)
    log_warn("intake: room for " + std::to_string(options.connections_max) +
             " connections only: raise the limit of open files (LimitNOFILE= of the unit, ulimit -n)");
  options.connections_per_address_max = intake.connections_per_address_max;
  options.proxies = intake.proxies;
  options.tls = intake.tls;
  options.unix_mode = intake.socket_file.mode;
  options.unix_gid = intake.socket_file.gid;
  return options;
}

// In this order: first all that can fail, then what only replaces one thing by another.
Result<void, std::string> put_in_force(const Config& now, Config& next, const RunningParts& parts) {
  const auto before = parts.settings.sources.get();
  const auto sources = std::make_shared<const SourceSet>(next.sources, before.get());
  next.postgres.options.tables = with_tables_of_removed(now, next, parts.journal);
  const auto lanes = lanes_with_other_tables(tables_of(now), tables_of(next));
  const auto journal = std::make_shared<const JournalConfig>(next.journal);
  const auto quarantine = std::make_shared<const QuarantineConfig>(next.quarantine);
  const auto postgres = std::make_shared<const PostgresConfig>(next.postgres);
  const auto alerts = std::make_shared<const AlertsConfig>(next.alerts);
  storage::JournalOptions quotas;
  set_quotas(next, quotas);
  std::unique_ptr<storage::QuarantineStore> store;
  if (wants_quarantine(next) && !parts.quarantine.has_store()) {
    auto opened = storage::QuarantineStore::open(next.journal.path, quarantine_limits(next));
    if (!opened) return fail("quarantine: " + opened.error().text);
    for (const auto& note : opened->notes) log_warn("quarantine: " + note);
    store = std::move(opened->store);
  }
  if (next.intake.tls.given()) {
    const auto not_after_s = parts.intake.reload_certificate(next.intake.tls);
    if (!not_after_s) return fail("intake.certificate_file: " + not_after_s.error().text);
    log_certificate_expiry(next.intake.tls, *not_after_s);
  }

  if (store) parts.quarantine.give_store(std::move(store));
  parts.quarantine.set_limits(quarantine_limits(next));
  parts.settings.quarantine.set(quarantine);
  parts.journal.admin().set_quotas(quotas);
  parts.settings.journal.set(journal);
  // The tables before the sources: no event of a new source can come before its table is known.
  parts.settings.postgres.set(postgres);
  if (parts.lanes != nullptr) parts.lanes->tables_changed(lanes);
  parts.settings.sources.set(sources);
  parts.intake.set_limits(intake_options(next.intake));
  parts.settings.alerts.set(alerts);
  set_log_level(next.log_level);
  set_log_format(next.log_format);
  return {};
}

void log_certificate_expiry(const net::TlsFiles& files, std::int64_t not_after_s) {
  const std::int64_t left_s = not_after_s - wall_clock_us() / 1'000'000;
  const std::string text = "intake: the certificate " + files.certificate_file;
  if (left_s <= 0) {
    log_warn(text + " has expired; senders will refuse it");
  } else {
    log_info(text + " is valid for " + std::to_string(left_s / 86'400) + " days");
  }
}

}  // namespace hookspool::agent
