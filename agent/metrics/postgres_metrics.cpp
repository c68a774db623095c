#include "agent/metrics/postgres_metrics.h"

namespace hookspool::agent {
namespace {

double seconds(milliseconds duration) {
  return static_cast<double>(duration.count()) / 1000;
}

void add_uplink(const UplinkStatus& uplink, MetricPage& page) {
  page.gauge("postgres_up", "1: PostgreSQL is reachable, and is the journal's database.")
      .value(uplink.up ? 1 : 0);
  page.gauge("postgres_needs_administrator", "1: it refuses the agent, and waiting does not help.")
      .value(uplink.needs_administrator ? 1 : 0);
  page.gauge("postgres_down_seconds", "How long it has been unreachable; 0 while it is up.")
      .value(uplink.up ? 0 : seconds(uplink.down_for));
  page.counter("postgres_outages_total", "Times that it became unreachable.").value(uplink.outages);
  page.counter("postgres_tries_failed_total", "Tries to reach it that failed.").value(uplink.tries_failed);
  page.counter("postgres_outage_seconds_total", "How long it was unreachable in all outages that are over.")
      .value(seconds(uplink.outage_total));
}

void add_pool(const net::PoolStats& pool, MetricPage& page) {
  page.gauge("postgres_connections", "Connections, by what they do.")
      .value(pool.in_use, {{"state", "in_use"}})
      .value(pool.idle, {{"state", "idle"}});
  page.gauge("postgres_certificate_expiry_timestamp_seconds",
             "When the certificate of the server ends; absent without TLS.");
  if (pool.tls.certificate_not_after_s > 0) page.value(pool.tls.certificate_not_after_s);
  page.gauge("postgres_connections_max", "pool_size.").value(pool.size);
  page.counter("postgres_connects_total", "Connections that were opened.").value(pool.connects);
  page.counter("postgres_connect_failures_total", "Connections that could not be opened.")
      .value(pool.connect_failures);
  page.counter("postgres_connections_closed_total", "Connections that were closed, by reason.")
      .value(pool.recycled, {{"reason", "recycled"}})
      .value(pool.pre_ping_failures, {{"reason", "pre_ping"}})
      .value(pool.condemned, {{"reason", "condemned"}});
}

void add_deliveries(DeliveryFigures& figures, MetricPage& page) {
  page.counter("events_delivered_total", "Events that were committed in PostgreSQL, by the way they took.")
      .value(figures.delivered_live.load(), {{"path", "memory"}})
      .value(figures.delivered_from_journal.load(), {{"path", "journal"}});
  page.counter("events_made_good_total", "Events that were compared or sent again, by why.")
      .value(figures.found_committed.load(), {{"why", "found_committed"}})
      .value(figures.sent_again.load(), {{"why", "sent_again"}})
      .value(figures.reconciled.load(), {{"why", "reconciled"}});
  page.counter("gap_events_total", "Numbers that were recorded as lost in PostgreSQL's table of gaps.")
      .value(figures.gaps.load());
  page.counter("dead_letters_made_total", "Events that became dead letters.").value(figures.buried.load());
  page.counter("dead_letters_put_back_total", "Dead letters that were sent again.")
      .value(figures.put_back.load());
  page.counter("batches_total", "Transactions that were committed.").value(figures.batches.load());
  page.counter("batches_failed_total", "Transactions that were not.").value(figures.batches_failed.load());
  page.counter("commits_in_doubt_total", "COMMITs whose answer was lost.").value(figures.in_doubt.load());
  page.counter("postgres_errors_total", "Errors of deliveries, by class.")
      .value(figures.errors_outage.load(), {{"class", "outage"}})
      .value(figures.errors_event.load(), {{"class", "event"}})
      .value(figures.errors_setup.load(), {{"class", "setup"}});
  page.histogram("accept_to_committed_seconds", "From the arrival of an event to the answer of its COMMIT.")
      .value(figures.accept_to_commit.since_start());
  page.histogram("delivery_transaction_seconds", "From BEGIN to the answer of COMMIT.")
      .value(figures.transaction.since_start());
}

// Absent while nothing is known: no consumers, no right to look, or no connection to spare for minutes.
void add_consumers(const ConsumerWatch& watch, MetricPage& page) {
  const auto seen = watch.seen(ConsumerWatch::Clock::now());
  const auto each = [&](const auto& add) {
    if (!seen) return;
    for (const net::ConsumerTotal& total : seen->totals.first) add(total);
  };
  page.gauge("consumers", "Consumers that read rows of this agent.");
  if (seen) page.value(seen->totals.consumers);
  page.gauge("consumers_read_timestamp_seconds", "When their figures were read from PostgreSQL.");
  if (seen) page.value(static_cast<double>(seen->read_at_us) / 1e6);
  page.gauge("consumer_waiting_rows", "Rows of this agent that a consumer has not read.");
  each([&](const auto& total) { page.value(total.waiting, {{"consumer", total.consumer}}); });
  page.gauge("consumer_oldest_waiting_timestamp_seconds",
             "When the oldest row that waits for a consumer was received; absent where none waits.");
  each([&](const auto& total) {
    if (!total.oldest_age_ms) return;
    page.value(
        (static_cast<double>(seen->read_at_us) / 1e3 - static_cast<double>(*total.oldest_age_ms)) / 1e3,
        {{"consumer", total.consumer}});
  });
  page.gauge("consumer_skipped_events", "Events that a consumer could not process and passed over.");
  each([&](const auto& total) { page.value(total.skipped, {{"consumer", total.consumer}}); });
  page.gauge("consumer_lost_rows", "Rows that were deleted before a consumer had read them.");
  each([&](const auto& total) { page.value(total.lost, {{"consumer", total.consumer}}); });
}

// Absent without keep_rows.
void add_keep_rows(const RowRetention::Status& status, MetricPage& page) {
  const bool wanted = status.keep.count() > 0;
  page.counter("rows_deleted_total", "Rows of the events table that keep_rows has deleted.");
  if (wanted) page.value(status.deleted);
  page.gauge("keep_rows_blocked", "1: in its last round keep_rows could not delete all that is old, by why.");
  if (wanted) {
    page.value(status.error ? 1 : 0, {{"why", "error"}});
    page.value(status.held_by.empty() ? 0 : 1, {{"why", "consumer"}});
  }
  page.gauge("keep_rows_last_round_timestamp_seconds", "When keep_rows last looked for old rows.");
  if (wanted && status.round_at_us) page.value(static_cast<double>(*status.round_at_us) / 1e6);
}

}  // namespace

void add_postgres_metrics(const HealthSources& sources, MetricPage& page) {
  page.gauge("dead_letters", "Events that PostgreSQL refused, kept whole.")
      .value(sources.dead_letters.count());
  page.gauge("postgres_configured", "0: no PostgreSQL is configured, events stay in the journal.")
      .value(sources.postgres ? 1 : 0);
  if (!sources.postgres) return;
  add_uplink(sources.postgres->uplink.status(), page);
  add_pool(sources.postgres->pool.stats(), page);
  add_deliveries(sources.postgres->lanes.figures(), page);
  add_consumers(sources.postgres->consumers, page);
  add_keep_rows(sources.postgres->row_retention.status(), page);
}

}  // namespace hookspool::agent
