#include "agent/upkeep/health.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "agent/base/units.h"
#include "agent/base/version.h"
#include "agent/base/wall_clock.h"
#include "agent/reload/reload_json.h"

namespace hookspool::agent {
namespace {

using Json = nlohmann::ordered_json;

double seconds(milliseconds duration) {
  return static_cast<double>(duration.count()) / 1000;
}
double ms(std::uint64_t us) {
  return static_cast<double>(us) / 1000;
}
double rounded(double value) {
  return std::round(value * 1000) / 1000;
}

double quantile_ms(const Histogram::Counts& counts, double share) {
  return rounded(counts.quantile_us(share) / 1000);
}

Json latency_json(LatencyRecorder& recorder) {
  const auto figures = recorder.figures();
  return {{"count", figures.count},
          {"mean", rounded(figures.mean_ms)},
          {"p50", rounded(figures.p50_ms)},
          {"p99", rounded(figures.p99_ms)},
          {"max", rounded(figures.max_ms)}};
}

Json journal_json(const storage::JournalStats& stats, const FillForecast& fill,
                  std::span<const storage::LaneUsage> uses) {
  const auto forecast = fill.forecast();
  Json json{{"accepting", stats.accepting},
            {"pending", stats.pending},
            {"pending_bytes", stats.pending_bytes},
            {"bytes", stats.bytes},
            {"bytes_max", stats.bytes_max},
            {"disk_free_bytes", stats.free_bytes},
            {"reserve_held", stats.reserve_held},
            {"growth_bytes_per_second", std::round(forecast.bytes_per_second)},
            {"seconds_until_full", nullptr},
            {"refused_sources", Json::array()},
            {"segments", stats.segments},
            {"unreadable_segments", stats.unreadable_segments},
            {"unreadable_because", stats.unreadable_because},
            {"set_aside_files", stats.set_aside_files},
            {"events_appended", stats.events_appended},
            {"events_refused", stats.events_refused},
            {"commits", stats.commits},
            {"commit_failures", stats.commit_failures},
            {"commit_ms",
             {{"last", ms(stats.last_commit_us)},
              {"mean", ms(stats.mean_commit_us)},
              {"max", ms(stats.max_commit_us)},
              {"p50", quantile_ms(stats.commits_took, 0.5)},
              {"p99", quantile_ms(stats.commits_took, 0.99)}}},
            {"sync_ms",
             {{"p50", quantile_ms(stats.syncs_took, 0.5)}, {"p99", quantile_ms(stats.syncs_took, 0.99)}}},
            {"segments_sealed_after_error", stats.sealed_after_error},
            {"checkpoint_failures", stats.checkpoint_failures},
            {"rotation_failures", stats.rotation_failures},
            {"wal_bytes", stats.wal_bytes},
            {"acked_record_failures", stats.acked_record_failures},
            {"lost", stats.lost}};
  if (!stats.last_error.empty()) json["last_error"] = stats.last_error;
  if (!stats.accepting) json["refusing_because"] = stats.refusing_because;
  if (forecast.until_full) json["seconds_until_full"] = std::round(forecast.until_full->count());
  for (const auto& use : uses) {
    if (!use.refused_because.empty())
      json["refused_sources"].push_back({{"source", use.lane}, {"because", use.refused_because}});
  }
  return json;
}

Json intake_json(const HealthSources& sources) {
  auto& figures = sources.admission.figures();
  const auto http = sources.intake.stats();
  return {{"accepted", figures.accepted.load()},
          {"duplicates", figures.duplicates.load()},
          {"filtered", figures.filtered.load()},
          {"handshakes", figures.handshakes.load()},
          {"probes", figures.probes.load()},
          {"refused",
           {{"no_room", figures.refused_no_room.load()},
            {"source_full", figures.refused_source.load()},
            {"too_many_sources", figures.refused_names.load()},
            {"journal_failed", figures.refused_failed.load()},
            {"signature", figures.refused_signature.load()},
            {"rate", figures.refused_rate.load()},
            {"unknown_path_or_method", figures.refused_unknown.load()},
            {"bad_request", http.refused}}},
          {"connections", http.connections},
          {"connections_refused", http.connections_refused},
          {"connections_evicted", http.connections_evicted},
          {"requests_shed", http.requests_shed},
          {"requests_given_up", http.requests_given_up},
          {"in_handler", http.in_handler},
          {"response_ms", latency_json(figures.answer)}};
}

Json dedupe_json(const Deduplicator& deduplicator) {
  const auto figures = deduplicator.figures();
  Json json{{"keys", figures.keys}, {"generations", figures.generations}, {"failures", figures.failures}};
  if (!figures.last_error.empty()) json["last_error"] = figures.last_error;
  return json;
}

Json quarantine_json(const Quarantine& quarantine) {
  const auto& figures = quarantine.figures();
  return {{"requests", quarantine.count()},      {"bytes", quarantine.bytes()},
          {"kept", figures.kept.load()},         {"shed", figures.shed.load()},
          {"not_kept", figures.not_kept.load()}, {"admitted", figures.admitted.load()}};
}

Json pool_json(const net::PoolStats& pool) {
  return {{"size", pool.size},
          {"open", pool.open},
          {"in_use", pool.in_use},
          {"idle", pool.idle},
          {"connects", pool.connects},
          {"connect_failures", pool.connect_failures},
          {"recycled", pool.recycled},
          {"pre_ping_failures", pool.pre_ping_failures},
          {"resets", pool.resets},
          {"condemned", pool.condemned},
          {"last_connect_ms", pool.last_connect_ms}};
}

// Of the newest connection; null: it is not encrypted, or there was none yet.
Json tls_json(const net::TlsLine& tls) {
  if (tls.protocol.empty()) return nullptr;
  Json json{{"protocol", tls.protocol}, {"cipher", tls.cipher}, {"certificate_days_left", nullptr}};
  if (tls.certificate_not_after_s > 0) {
    const double now_s = static_cast<double>(wall_clock_us()) / 1e6;
    const double left_s = static_cast<double>(tls.certificate_not_after_s) - now_s;
    json["certificate_days_left"] = std::floor(left_s / 86'400);
  }
  return json;
}

Json error_json(const net::PgError& error, std::int64_t at_us) {
  Json json{{"text", net::shown_text(error)},
            {"sqlstate", error.sqlstate},
            {"seconds_ago", rounded(static_cast<double>(wall_clock_us() - at_us) / 1e6)}};
  if (!error.hint.empty()) json["hint"] = error.hint;
  return json;
}

// Null where no rows are deleted.
Json keep_rows_json(const RowRetention::Status& status) {
  if (status.keep.count() == 0) return {};
  Json json{{"keep_seconds", status.keep.count() / 1'000}, {"deleted_rows", status.deleted}};
  json["last_round_seconds_ago"] = rounded(static_cast<double>(wall_clock_us() - *status.round_at_us) / 1e6);
  if (!status.held_by.empty()) json["held"] = {{"source", status.source}, {"consumer", status.held_by}};
  if (status.error) json["last_error"] = error_json(*status.error, *status.round_at_us);
  return json;
}

Json postgres_json(const HealthSources& sources) {
  if (!sources.postgres) return {{"configured", false}, {"up", false}};
  const auto uplink = sources.postgres->uplink.status();
  const auto pool = sources.postgres->pool.stats();
  auto& figures = sources.postgres->lanes.figures();
  Json json{{"configured", true},
            {"up", uplink.up},
            {"server", pool.server},
            {"tls", tls_json(pool.tls)},
            {"pool", pool_json(pool)}};
  json["dead_letters"] = sources.dead_letters.count();
  json["response_ms"] = latency_json(figures.transaction);
  json["accept_to_commit_ms"] = latency_json(figures.accept_to_commit);
  json["errors"] = {{"outage", figures.errors_outage.load()},
                    {"event", figures.errors_event.load()},
                    {"setup", figures.errors_setup.load()},
                    {"batches_failed", figures.batches_failed.load()},
                    {"tries_failed", uplink.tries_failed}};
  if (uplink.last_error) json["last_error"] = error_json(*uplink.last_error, uplink.last_error_at_us);
  json["recovery"] = {{"outages", uplink.outages},
                      {"down_for_seconds", seconds(uplink.down_for)},
                      {"last_outage_seconds", seconds(uplink.last_outage)},
                      {"outage_seconds_total", seconds(uplink.outage_total)},
                      {"tries_in_this_outage", uplink.tries_in_this_outage},
                      {"next_try_in_seconds", seconds(uplink.next_try_in)},
                      {"in_doubt_commits", figures.in_doubt.load()},
                      {"found_committed_events", figures.found_committed.load()},
                      {"sent_again_events", figures.sent_again.load()},
                      {"reconciled_events", figures.reconciled.load()},
                      {"gap_events", figures.gaps.load()},
                      {"dead_letters", figures.buried.load()},
                      {"put_back_events", figures.put_back.load()}};
  if (auto rows = keep_rows_json(sources.postgres->row_retention.status()); !rows.is_null())
    json["keep_rows"] = std::move(rows);
  return json;
}

Json fast_path_json(const HealthSources& sources, Mode mode) {
  if (!sources.postgres) return {{"active", false}};
  auto& figures = sources.postgres->lanes.figures();
  const std::uint64_t live = figures.delivered_live.load();
  const std::uint64_t read_back = figures.delivered_from_journal.load();
  Json share = nullptr;
  if (live + read_back > 0)
    share = rounded(static_cast<double>(live) / static_cast<double>(live + read_back));
  return {
      {"active", mode == Mode::kOnline},     {"delivered", live},
      {"delivered_from_journal", read_back}, {"share", std::move(share)},
      {"batches", figures.batches.load()},   {"batches_begun_while_syncing", figures.batches_ahead.load()}};
}

Json lane_json(const LaneStatus& lane, std::uint64_t pending_bytes) {
  Json json{{"lane", lane.name},
            {"state", lane.state},
            {"pending", lane.pending},
            {"pending_bytes", pending_bytes},
            {"epoch", lane.epoch.to_string()},
            {"confirmed_seq", lane.confirmed_seq},
            {"last_seq", lane.last_seq},
            {"items_empty", lane.rows.items_empty},
            {"items_missing", lane.rows.items_missing},
            {"rows_filtered", lane.rows.rows_filtered}};
  if (lane.error.empty()) return json;
  json["error"] =
      net::shown_text({.sqlstate = lane.sqlstate, .text = lane.error, .may_quote = lane.may_quote});
  json["sqlstate"] = lane.sqlstate;
  json["hint"] = lane.hint;
  if (!lane.refused_id.is_nil()) json["refused_event"] = lane.refused_id.to_string();
  json["tries_failed"] = lane.tries_failed;
  json["next_try_in_seconds"] = seconds(lane.next_try_in);
  return json;
}

}  // namespace

std::vector<LaneStatus> lane_statuses(const HealthSources& sources) {
  if (sources.postgres) return sources.postgres->lanes.statuses();
  std::vector<LaneStatus> lanes;
  for (const auto& name : sources.journal.lanes()) {
    LaneStatus lane;
    lane.name = name;
    lane.state = "waiting";
    for (const auto& run : sources.journal.runs(name)) {
      lane.pending += run.last_seq - std::min(run.last_seq, run.confirmed.seq);
      lane.epoch = run.epoch;
      lane.confirmed_seq = run.confirmed.seq;
      lane.last_seq = run.last_seq;
    }
    lanes.push_back(std::move(lane));
  }
  return lanes;
}

Mode current_mode(const HealthSources& sources) {
  ModeFacts facts;
  const auto journal = sources.journal.admin().stats();
  facts.journal_accepting = journal.accepting;
  facts.journal_full = journal.full;
  facts.postgres_configured = sources.postgres.has_value();
  if (!sources.postgres) return mode_of(facts);
  const auto uplink = sources.postgres->uplink.status();
  facts.line_up = uplink.up;
  facts.line_needs_a_person = uplink.needs_administrator;
  for (const auto& lane : sources.postgres->lanes.statuses()) {
    if (lane.stuck()) {
      facts.lanes_held += 1;
      continue;
    }
    // A lane with a handful in flight is keeping up; one that reads the journal is not.
    if (lane.pending > 0 && (lane.state == "catching-up" || lane.state == "waiting"))
      facts.lanes_catching_up += 1;
  }
  return mode_of(facts);
}

std::string health_json(const HealthSources& sources, Mode mode) {
  const auto journal = sources.journal.admin().stats();
  // What lies beside the journal, or cannot be read in it, waits for an administrator.
  const bool damage = journal.set_aside_files + journal.unreadable_segments > 0;
  const auto status = mode_status(mode);
  Json json{{"status", status == "pass" && damage ? "warn" : status},
            {"mode", mode_name(mode)},
            {"version", kVersion},
            {"agent_id", sources.journal.agent_id()},
            {"epoch", sources.journal.epoch().to_string()},
            {"uptime_seconds", rounded(static_cast<double>(wall_clock_us() - sources.started_at_us) / 1e6)}};
  const auto uses = sources.journal.admin().lane_usages();
  if (const auto last = sources.reloader.last()) json["last_reload"] = Json::parse(reload_json(*last));
  json["journal"] = journal_json(journal, sources.forecast, uses);
  json["intake"] = intake_json(sources);
  json["quarantine"] = quarantine_json(sources.quarantine);
  if (sources.deduplicator != nullptr) json["dedupe"] = dedupe_json(*sources.deduplicator);
  json["postgres"] = postgres_json(sources);
  json["fast_path"] = fast_path_json(sources, mode);
  json["lanes"] = Json::array();
  for (const auto& lane : lane_statuses(sources)) {
    const auto use = std::find_if(uses.begin(), uses.end(), [&](const storage::LaneUsage& candidate) {
      return candidate.lane == lane.name;
    });
    json["lanes"].push_back(lane_json(lane, use == uses.end() ? 0 : use->pending_bytes));
  }
  return json.dump(2, ' ', true, Json::error_handler_t::replace) + "\n";
}

std::string health_line(const HealthSources& sources, Mode mode) {
  const auto journal = sources.journal.admin().stats();
  std::string line = std::string(mode_name(mode)) + ", " + std::to_string(journal.pending) +
                     " waiting, journal " + format_bytes(journal.bytes);
  if (journal.lost > 0) line += ", " + std::to_string(journal.lost) + " LOST BY THE DISK";
  if (!journal.accepting) line += ": " + journal.refusing_because;
  if (const auto last = sources.reloader.last(); last && !last->done)
    line += ", the changed configuration is refused (hookspool reload says why)";
  if (sources.postgres) {
    const auto status = sources.postgres->uplink.status();
    if (!status.up && status.last_error) line += ": " + net::shown_text(*status.last_error);
  }
  return line;
}

}  // namespace hookspool::agent
