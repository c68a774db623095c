#include "agent/metrics/metrics.h"

#include "agent/base/version.h"
#include "agent/base/wall_clock.h"
#include "agent/metrics/intake_metrics.h"
#include "agent/metrics/journal_metrics.h"
#include "agent/metrics/lane_metrics.h"
#include "agent/metrics/metric_page.h"
#include "agent/metrics/postgres_metrics.h"
#include "agent/metrics/process_metrics.h"

namespace hookspool::agent {
namespace {

constexpr Mode kModes[] = {Mode::kOnline,   Mode::kCatchingUp, Mode::kOffline,    Mode::kBlocked,
                           Mode::kRefusing, Mode::kFailed,     Mode::kJournalOnly};

void add_mode(Mode mode, MetricPage& page) {
  page.gauge("build_info", "1; the version is the label.").value(1, {{"version", kVersion}});
  page.gauge("time_seconds", "The agent's clock at this moment.")
      .value(static_cast<double>(wall_clock_us()) / 1e6);
  page.gauge("mode", "1 for the mode that the agent is in, 0 for the others.");
  for (const Mode each : kModes) page.value(each == mode ? 1 : 0, {{"mode", mode_name(each)}});
}

void add_reload(const Reloader& reloader, MetricPage& page) {
  const auto last = reloader.last();
  page.gauge("config_last_reload_successful", "Whether the last reload was put in force; 1 before the first.")
      .value(!last || last->done ? 1 : 0);
  page.gauge("config_last_reload_timestamp_seconds", "When the configuration was last reloaded; 0: never.")
      .value(last ? static_cast<double>(last->at_us) / 1e6 : 0);
}

}  // namespace

std::string Metrics::text(Mode mode) {
  MetricPage page;
  add_mode(mode, page);
  add_process_metrics(sources_.started_at_us, page);
  add_intake_metrics(sources_, kNamesMax, page);
  add_journal_metrics(sources_, page);
  add_lane_metrics(sources_, oldest_, kNamesMax, page);
  add_postgres_metrics(sources_, page);
  add_reload(sources_.reloader, page);
  return page.text();
}

}  // namespace hookspool::agent
