#include "agent/metrics/intake_metrics.h"

#include <algorithm>
#include <vector>

namespace hookspool::agent {
namespace {

struct OfSource {
  std::string name;
  std::uint64_t accepted = 0, duplicates = 0;
  std::int64_t last_accepted_us = 0;
};

std::vector<OfSource> by_source(const SourceSet& sources, std::size_t names_max) {
  std::vector<OfSource> all;
  for (const auto& [name, source] : sources.by_name()) {
    if (!source.figures) continue;
    if (all.size() <= names_max) all.push_back({all.size() < names_max ? name : "other"});
    OfSource& entry = all.back();
    entry.accepted += source.figures->accepted;
    entry.duplicates += source.figures->duplicates;
    entry.last_accepted_us = std::max(entry.last_accepted_us, source.figures->last_accepted_us.load());
  }
  return all;
}

void add_events(AdmissionFigures& figures, const SourceSet& served, std::size_t names_max, MetricPage& page) {
  page.counter("events_accepted_total", "Events that were answered with 2xx, on disk by then.")
      .value(figures.accepted.load());
  page.counter("events_duplicate_total", "Repeats, answered with the id of the first one.")
      .value(figures.duplicates.load());
  const auto sources = by_source(served, names_max);
  page.counter("source_events_accepted_total", "The same by configured source.");
  for (const OfSource& source : sources) page.value(source.accepted, {{"source", source.name}});
  page.counter("source_events_duplicate_total", "Repeats by configured source.");
  for (const OfSource& source : sources) page.value(source.duplicates, {{"source", source.name}});
  page.gauge("source_last_event_timestamp_seconds",
             "When the source's last event was accepted; absent before its first since the start.");
  for (const OfSource& source : sources) {
    if (source.last_accepted_us > 0)
      page.value(static_cast<double>(source.last_accepted_us) / 1e6, {{"source", source.name}});
  }
  page.histogram("accept_to_durable_seconds", "From the whole request to its answer, of accepted events.")
      .value(figures.answer.since_start());
}

void add_refusals(AdmissionFigures& figures, const net::HttpStats& http, MetricPage& page) {
  page.counter("requests_refused_total", "Requests that became no event, by reason.")
      .value(figures.refused_no_room.load(), {{"reason", "no_room"}})
      .value(figures.refused_source.load(), {{"reason", "source_full"}})
      .value(figures.refused_names.load(), {{"reason", "too_many_sources"}})
      .value(figures.refused_failed.load(), {{"reason", "journal_failed"}})
      .value(figures.refused_signature.load(), {{"reason", "signature"}})
      .value(figures.refused_rate.load(), {{"reason", "rate"}})
      .value(figures.refused_unknown.load(), {{"reason", "unknown_path_or_method"}})
      .value(http.refused, {{"reason", "bad_request"}});
  page.counter("handshakes_total", "Handshakes of providers, answered or refused.")
      .value(figures.handshakes.load());
  page.counter("events_filtered_total", "Webhooks that `keep` of their source leaves out, answered with 200.")
      .value(figures.filtered.load());
  page.counter("probes_total", "Requests that their source calls a probe, answered with 200.")
      .value(figures.probes.load());
}

void add_http(const net::HttpStats& http, MetricPage& page) {
  page.counter("http_requests_total", "Requests that were read whole.").value(http.requests);
  page.gauge("intake_certificate_expiry_timestamp_seconds",
             "When the certificate of the listener ends; absent without one.");
  if (http.certificate_not_after_s > 0) page.value(http.certificate_not_after_s);
  page.gauge("http_connections", "Open connections.").value(http.connections);
  page.gauge("http_requests_in_handler", "Requests without an answer yet.").value(http.in_handler);
  page.counter("http_connections_refused_total", "Connections that found no place.")
      .value(http.connections_refused);
  page.counter("http_connections_evicted_total", "Idle connections that had to make room.")
      .value(http.connections_evicted);
  page.counter("http_requests_shed_total", "Requests whose turn did not come in time, answered with 503.")
      .value(http.requests_shed);
  page.counter("http_requests_given_up_total", "Requests without an answer in time, answered with 503.")
      .value(http.requests_given_up);
}

void add_quarantine(const Quarantine& quarantine, MetricPage& page) {
  page.gauge("quarantine_requests", "Requests whose signature fits no secret, kept for a look.")
      .value(quarantine.count());
  page.gauge("quarantine_bytes", "Bytes of them.").value(quarantine.bytes());
  page.counter("quarantined_total", "Requests that were put there.").value(quarantine.figures().kept.load());
  page.counter("quarantine_shed_total", "Requests that went from there for others, or for their age.")
      .value(quarantine.figures().shed.load());
}

}  // namespace

void add_intake_metrics(const HealthSources& sources, std::size_t names_max, MetricPage& page) {
  AdmissionFigures& figures = sources.admission.figures();
  const net::HttpStats http = sources.intake.stats();
  add_events(figures, *sources.admission.sources(), names_max, page);
  add_refusals(figures, http, page);
  add_http(http, page);
  add_quarantine(sources.quarantine, page);
  if (sources.deduplicator == nullptr) return;
  const auto dedupe = sources.deduplicator->figures();
  page.gauge("dedupe_keys", "Deliveries that a repeat is known by.").value(dedupe.keys);
  page.counter("dedupe_failures_total", "Failures of their index: a repeat may become an event.")
      .value(dedupe.failures);
}

}  // namespace hookspool::agent
