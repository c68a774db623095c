#include "agent/upkeep/upkeep.h"

#include "agent/base/log.h"
#include "agent/base/notify.h"
#include "agent/base/wall_clock.h"
#include "agent/upkeep/alert_figures.h"

namespace hookspool::agent {
Upkeep::Upkeep(const HealthSources& sources, const Current<JournalConfig>& config, FillForecast& forecast,
               HistoryUpkeep& history, SilenceUpkeep& silence, Alerts& alerts)
    : sources_(sources),
      history_(history),
      silence_(silence),
      alerts_(alerts),
      watchdog_(watchdog_interval()),
      journal_(sources.journal.admin(), sources.journal.notes(), config, forecast, watchdog_interval()),
      upkeep_("upkeep", JournalUpkeep::kRound, [this] { round(); }),
      chores_("chores", kChoresRound, [this] { do_chores(); }),
      status_("status", kStatusRound, [this] {
        tell_status();
        look_for_alerts();
      }) {
  upkeep_.wake();  // so that what comes within the first second counts as growth
}

Upkeep::~Upkeep() {
  if (sources_.deduplicator != nullptr) sources_.deduplicator->interrupt();
  for (RoundThread* thread : {&upkeep_, &chores_, &status_}) thread->ask_to_end();
}

void Upkeep::round() {
  if (!journal_.round()) return;
  // Grows with what comes and with what is delivered.
  const auto stats = sources_.journal.admin().stats();
  memory_.round(2 * stats.events_appended - stats.pending);
}

// What could not be read when the journal was opened: its events are delivered as soon as it can.
void Upkeep::read_late(Clock::time_point now) {
  if (now < next_read_late_) return;
  next_read_late_ = now + kReadLateInterval;
  const auto late = sources_.journal.admin().try_unreadable();
  for (const auto& note : late.notes) log_warn("journal: " + note);
  if (!late.found) return;
  sources_.quarantine.resolve_undecided();
  if (sources_.postgres) sources_.postgres->lanes.journal_grew();
}

void Upkeep::do_chores() {
  sources_.quarantine.expire(Clock::now());
  read_late(Clock::now());
  if (sources_.postgres) sources_.postgres->consumers.round(Clock::now());
  keep_dedupe_index();
  history_.keep();
  silence_.keep();
}

void Upkeep::keep_dedupe_index() {
  if (sources_.deduplicator == nullptr) return;
  auto whole = sources_.deduplicator->catch_up(sources_.journal.admin());
  if (const auto noted = sources_.deduplicator->keep_note(sources_.journal.notes()); !noted) whole = noted;
  const std::string error = whole ? "" : whole.error().text;
  if (error != told_dedupe_error_ && !error.empty())
    log_warn("dedupe: " + error + "; what was not noted is an event again if it is repeated");
  told_dedupe_error_ = error;
}

void Upkeep::tell_status() {
  const auto now = Clock::now();
  writer_at_disk_ = sources_.journal.admin().stats().at_disk;
  history_.sample();
  sources_.admission.close_logs(now);
  if (sources_.postgres) sources_.postgres->lanes.close_logs(now);
  sources_.dead_letters.close_logs(now);
  const Mode mode = current_mode(sources_);
  if (told_mode_ == mode && now < next_status_) return;
  const std::string line = health_line(sources_, mode);
  // A lane that falls behind and catches up within a second is business as usual, not news.
  const bool news = told_mode_ != mode && mode != Mode::kCatchingUp &&
                    !(mode == Mode::kOnline && told_mode_ == Mode::kCatchingUp);
  if (news && mode_status(mode) == "fail") log_error(line);
  if (news && mode_status(mode) != "fail") log_info(line);
  notify_systemd("STATUS=" + line.substr(0, line.find('\n')));
  told_mode_ = mode;
  next_status_ = now + kStatusInterval;
}

void Upkeep::look_for_alerts() {
  if (alerts_.wanted()) alerts_.look(alert_facts(sources_), {Clock::now(), wall_clock_us()});
}

void Upkeep::feed_watchdog(Clock::time_point now) {
  const auto verdict = watchdog_.judge(now, upkeep_.last_round(), journal_.at_disk() || writer_at_disk_);
  if (verdict.stall_is_new)
    log_error("the journal does not answer although no disk is waited for: systemd's watchdog is not fed");
  if (verdict.feed) notify_systemd("WATCHDOG=1");
}

}  // namespace hookspool::agent
