#include "agent/metrics/journal_metrics.h"

namespace hookspool::agent {
namespace {

void add_room(const storage::JournalStats& stats, const FillForecast& fill, MetricPage& page) {
  page.gauge("journal_accepting", "1: a new event would be taken.").value(stats.accepting ? 1 : 0);
  page.gauge("journal_pending_events", "Events that are not known to be in PostgreSQL.").value(stats.pending);
  page.gauge("journal_pending_bytes", "Bytes of them.").value(stats.pending_bytes);
  page.gauge("journal_size_bytes", "All segments.").value(stats.bytes);
  page.gauge("journal_capacity_bytes", "What they may take (max_bytes).").value(stats.bytes_max);
  page.gauge("journal_disk_free_bytes", "Free in the journal's file system.").value(stats.free_bytes);
  page.gauge("journal_segments", "Files.").value(stats.segments);
  page.gauge("journal_wal_bytes", "WAL of the segment that is written.").value(stats.wal_bytes);
  const auto forecast = fill.forecast();
  page.gauge("journal_growth_bytes_per_second", "Growth of what cannot be given up, over the last minute.")
      .value(forecast.bytes_per_second);
  page.gauge("journal_seconds_until_full", "If that goes on; absent while it does not grow.");
  if (forecast.until_full) page.value(forecast.until_full->count());
}

void add_commits(const storage::JournalStats& stats, MetricPage& page) {
  page.counter("journal_events_appended_total", "Events written.").value(stats.events_appended);
  page.counter("journal_events_refused_total", "Events that were not taken.").value(stats.events_refused);
  page.counter("journal_commits_total", "Groups of events that were synced.").value(stats.commits);
  page.histogram("journal_commit_seconds", "A group's transaction with its sync.").value(stats.commits_took);
  page.histogram("journal_sync_seconds", "Of that, COMMIT: its pages into the WAL, and their sync.")
      .value(stats.syncs_took);
}

void add_faults(const storage::JournalStats& stats, MetricPage& page) {
  page.counter("journal_errors_total", "Failures of the disk, by what failed.")
      .value(stats.commit_failures, {{"what", "commit"}})
      .value(stats.checkpoint_failures, {{"what", "checkpoint"}})
      .value(stats.rotation_failures, {{"what", "new_segment"}})
      .value(stats.acked_record_failures, {{"what", "record"}});
  page.counter("journal_segments_sealed_total", "Segments that an error ended.")
      .value(stats.sealed_after_error);
  page.gauge("journal_unreadable_segments", "Segments that cannot be read at the moment.")
      .value(stats.unreadable_segments);
  page.gauge("journal_set_aside_files", "Damaged files that wait for hookspool salvage.")
      .value(stats.set_aside_files);
  page.gauge("journal_lost_events", "Acknowledged events that the disk had lost when the agent started.")
      .value(stats.lost);
}

}  // namespace

void add_journal_metrics(const HealthSources& sources, MetricPage& page) {
  const auto stats = sources.journal.admin().stats();
  add_room(stats, sources.forecast, page);
  add_commits(stats, page);
  add_faults(stats, page);
}

}  // namespace hookspool::agent
