#include "agent/upkeep/alert_figures.h"

namespace hookspool::agent {
namespace {

void add_journal(const HealthSources& sources, AlertFacts& facts) {
  const auto stats = sources.journal.admin().stats();
  facts.accepting = stats.accepting;
  facts.full = stats.full;
  facts.refusing_because = stats.refusing_because;
  facts.damaged_files = stats.set_aside_files + stats.unreadable_segments;
  facts.pending = stats.pending;
  facts.lost = stats.lost;
  facts.until_full = sources.forecast.forecast().until_full;
}

void add_postgres(const HealthSources::Postgres& postgres, AlertFacts& facts) {
  const auto uplink = postgres.uplink.status();
  facts.postgres_up = uplink.up;
  facts.postgres_refuses = uplink.needs_administrator;
  facts.down_for = uplink.down_for;
  if (!uplink.up && uplink.last_error) {
    facts.postgres_reason = net::shown_text(*uplink.last_error);
    facts.postgres_hint = uplink.last_error->hint;
  }
  for (const LaneStatus& lane : postgres.lanes.statuses()) {
    if (!lane.stuck()) continue;
    facts.blocked_lanes.push_back(
        {lane.name,
         net::shown_text({.sqlstate = lane.sqlstate, .text = lane.error, .may_quote = lane.may_quote}),
         lane.hint});
  }
  const auto& figures = postgres.lanes.figures();
  facts.lost += figures.gaps.load();
  facts.dead_letters = figures.buried.load();
  if (const auto ends_s = postgres.pool.stats().tls.certificate_not_after_s; ends_s > 0)
    facts.certificates.push_back({"postgres", ends_s});
}

}  // namespace

AlertFacts alert_facts(const HealthSources& sources) {
  AlertFacts facts;
  add_journal(sources, facts);
  if (sources.postgres) add_postgres(*sources.postgres, facts);
  if (const auto ends_s = sources.intake.stats().certificate_not_after_s; ends_s > 0)
    facts.certificates.push_back({"intake", ends_s});
  for (const auto& [name, source] : sources.admission.sources()->by_name()) {
    if (source.figures)
      facts.sources.push_back({name, source.figures->accepted.load() + source.figures->duplicates.load()});
  }
  return facts;
}

}  // namespace hookspool::agent
