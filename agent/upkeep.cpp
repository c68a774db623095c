#include "agent/upkeep.h"

#include "agent/entropy.h"
#include "agent/log.h"
#include "agent/notify.h"
#include "agent/retention.h"
#include "agent/units.h"

namespace hookspool::agent {

Upkeep::Upkeep(const HealthSources& sources, const JournalConfig& config)
    : sources_(sources), config_(config), watchdog_interval_(watchdog_interval()) {}

void Upkeep::tick(Clock::time_point now) {
  const auto saved = sources_.journal->save_cursors();
  const std::string error = saved ? "" : saved.error().text;
  if (error != told_journal_error_ && !error.empty()) log_warn("journal: " + error);
  told_journal_error_ = error;
  retain();
  tell(now);
}

void Upkeep::retain() {
  const auto stats = sources_.journal->stats();
  const auto segments = sources_.journal->segments();
  const auto plan = plan_retention(segments, {wall_clock_us(), stats.bytes, stats.free_bytes}, config_);
  for (const auto number : plan.drop) {
    const auto dropped = sources_.journal->drop_segment(number);
    if (!dropped) log_warn("journal: " + dropped.error().text);
  }
  if (!plan.drop.empty())
    log_debug("journal: let go of " + std::to_string(plan.drop.size()) + " delivered segments");
  if (!plan.rotate) return;
  const auto rotated = sources_.journal->rotate();
  if (!rotated) log_warn("journal: " + rotated.error().text);
}

void Upkeep::tell(Clock::time_point now) {
  const Mode mode = current_mode(sources_);
  if (told_mode_ != mode || now >= next_status_) {
    const std::string line = health_line(sources_, mode);
    // A lane that falls behind and catches up within a second is business as usual, not news.
    const bool news = told_mode_ != mode && mode != Mode::kCatchingUp &&
                      !(mode == Mode::kOnline && told_mode_ == Mode::kCatchingUp);
    if (news) (mode_status(mode) == "fail" ? log_error : log_info)(line);
    notify_systemd("STATUS=" + line.substr(0, line.find('\n')));
    told_mode_ = mode;
    next_status_ = now + kStatusInterval;
  }
  if (watchdog_interval_ > milliseconds(0) && now >= next_watchdog_) {
    notify_systemd("WATCHDOG=1");
    next_watchdog_ = now + watchdog_interval_;
  }
}

}  // namespace hookspool::agent
