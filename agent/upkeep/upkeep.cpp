#include "agent/upkeep/upkeep.h"

#include <algorithm>

#include "agent/base/log.h"
#include "agent/base/notify.h"
#include "agent/base/units.h"
#include "agent/upkeep/retention.h"

namespace hookspool::agent {
namespace {

constexpr std::string_view kAgeNote = "age";
constexpr std::chrono::seconds kNoteInterval{60};

constexpr milliseconds kWatchdogTickLeast{100};

}  // namespace

Upkeep::Upkeep(const HealthSources& sources, const Current<JournalConfig>& config, FillForecast& forecast)
    : sources_(sources),
      config_(config),
      watchdog_interval_(watchdog_interval()),
      forecast_(forecast),
      upkeep_("upkeep", kRound, [this] { round(); }),
      chores_("chores", kChoresRound, [this] { do_chores(); }),
      status_("status", kRound, [this] { tell_status(); }) {
  upkeep_.wake();  // so that what comes within the first second counts as growth
}

Upkeep::~Upkeep() {
  if (sources_.deduplicator != nullptr) sources_.deduplicator->interrupt();
  for (RoundThread* thread : {&upkeep_, &chores_, &status_}) thread->ask_to_end();
}

void Upkeep::round() {
  at_disk_ = false;  // whatever the last one threw
  if (!std::exchange(age_is_read_, true)) {
    const auto note = sources_.journal->read_note(kAgeNote);
    if (note && note->has_value()) age_ = SegmentAge::parse(**note);
  }
  const auto now = Clock::now();
  if (!round_due(now)) return;
  const auto stats = sources_.journal->stats();
  if (save_due(stats, now)) save_cursors();
  retain(Clock::now());
  tell_refused();
  // Grows with what comes and with what is delivered.
  memory_.round(2 * stats.events_appended - stats.pending);
}

bool Upkeep::round_due(Clock::time_point now) {
  const auto stats = sources_.journal->stats();
  const std::pair seen{stats.events_appended, stats.pending};
  if (std::exchange(round_at_, seen) == seen && now < next_round_) return false;
  next_round_ = now + kIdleRound - kRound / 2;  // the round nearest to it
  return true;
}

// Where nothing has moved there is nothing to save, but the writer is asked all the same now and then, and as often as
// systemd wants to hear of it: its answer is what the watchdog is fed for.
bool Upkeep::save_due(const storage::JournalStats& stats, Clock::time_point now) {
  const std::pair seen{stats.events_appended, stats.pending};
  const bool moved = std::exchange(saved_at_, seen) != seen;
  const bool well = stats.accepting && stats.reserve_held && told_journal_error_.empty();
  if (!moved && well && now < next_save_) return false;
  const bool watched = watchdog_interval_ > milliseconds(0);
  next_save_ = now + (watched ? std::min(watchdog_interval_, kIdleSaveInterval) : kIdleSaveInterval);
  return true;
}

void Upkeep::save_cursors() {
  const auto saved = sources_.journal->save_cursors();
  const std::string error = saved ? "" : saved.error().text;
  if (error != told_journal_error_ && !error.empty()) log_warn("journal: " + error);
  told_journal_error_ = error;
}

// The clock of the wall plays no part: a jump of it neither drops history in a mass nor keeps it for ever.
void Upkeep::age(Clock::time_point now, std::uint64_t newest_closed) {
  const auto passed = now - aged_at_.value_or(now);
  aged_at_ = now;
  age_.advance(std::chrono::duration_cast<milliseconds>(passed), newest_closed,
               config_.get()->keep_delivered);
  if (now < next_note_) return;
  next_note_ = now + kNoteInterval;
  // What is not written is counted once more after the next start: history is kept a little longer.
  at_disk_ = true;
  (void)sources_.journal->write_note(kAgeNote, age_.text());
  at_disk_ = false;
}

void Upkeep::retain(Clock::time_point now) {
  const auto stats = sources_.journal->stats();
  const auto segments = sources_.journal->segments();
  std::uint64_t newest_closed = 0;
  for (const auto& segment : segments) {
    if (!segment.active) newest_closed = std::max(newest_closed, segment.number);
  }
  age(now, newest_closed);
  const auto config = config_.get();
  forecast_.sample(now, fill_facts(segments, stats, *config));
  if (const auto news = forecast_.news()) log_warn(*news);
  const auto plan = plan_retention(
      segments, {age_.aged_up_to(config->keep_delivered), stats.bytes, stats.free_bytes}, *config);
  for (const auto number : plan.drop) {
    at_disk_ = true;
    const auto dropped = sources_.journal->drop_segment(number);
    at_disk_ = false;
    if (!dropped) log_warn("journal: " + dropped.error().text);
  }
  if (!plan.drop.empty())
    log_debug("journal: dropped " + std::to_string(plan.drop.size()) + " delivered segments");
  if (!plan.rotate) return;
  const auto rotated = sources_.journal->rotate();
  if (!rotated) log_warn("journal: " + rotated.error().text);
}

// What could not be read when the journal was opened: its events are delivered as soon as it can.
void Upkeep::read_late(Clock::time_point now) {
  if (now < next_read_late_) return;
  next_read_late_ = now + kReadLateInterval;
  const auto late = sources_.journal->try_unreadable();
  for (const auto& note : late.notes) log_warn("journal: " + note);
  if (late.found && sources_.quarantine != nullptr) sources_.quarantine->resolve_undecided();
  if (late.found && sources_.lanes != nullptr) sources_.lanes->journal_grew();
}

// Each source once when it begins to be refused, and once when it is taken again.
void Upkeep::tell_refused() {
  for (const auto& use : sources_.journal->lane_uses()) {
    const bool told = told_refused_.contains(use.lane);
    if (!use.refused_because.empty() && !told) {
      log_warn("source " + printable(use.lane) + " is refused: " + use.refused_because);
      told_refused_.insert(use.lane);
    } else if (use.refused_because.empty() && told) {
      log_info("source " + printable(use.lane) + " is taken again");
      told_refused_.erase(use.lane);
    }
  }
}

void Upkeep::do_chores() {
  if (sources_.quarantine != nullptr) sources_.quarantine->expire(Clock::now());
  read_late(Clock::now());
  keep_dedupe_index();
}

void Upkeep::keep_dedupe_index() {
  if (sources_.deduplicator == nullptr) return;
  auto whole = sources_.deduplicator->catch_up(*sources_.journal);
  if (const auto noted = sources_.deduplicator->keep_note(*sources_.journal); !noted) whole = noted;
  const std::string error = whole ? "" : whole.error().text;
  if (error != told_dedupe_error_ && !error.empty())
    log_warn("dedupe: " + error + "; what was not noted is an event again if it is repeated");
  told_dedupe_error_ = error;
}

void Upkeep::tell_status() {
  const auto now = Clock::now();
  writer_at_disk_ = sources_.journal->stats().at_disk;
  if (sources_.admission != nullptr) sources_.admission->close_logs(now);
  if (sources_.lanes != nullptr) sources_.lanes->close_logs(now);
  if (sources_.dead_letters != nullptr) sources_.dead_letters->close_logs(now);
  const Mode mode = current_mode(sources_);
  if (told_mode_ == mode && now < next_status_) return;
  const std::string line = health_line(sources_, mode);
  // A lane that falls behind and catches up within a second is business as usual, not news.
  const bool news = told_mode_ != mode && mode != Mode::kCatchingUp &&
                    !(mode == Mode::kOnline && told_mode_ == Mode::kCatchingUp);
  if (news) (mode_status(mode) == "fail" ? log_error : log_info)(line);
  notify_systemd("STATUS=" + line.substr(0, line.find('\n')));
  told_mode_ = mode;
  next_status_ = now + kStatusInterval;
}

// Often enough that one tick that comes late is no missed word.
milliseconds Upkeep::watchdog_tick() const {
  if (watchdog_interval_ <= milliseconds(0)) return kRoundLeast;
  return std::clamp(watchdog_interval_ / 4, kWatchdogTickLeast, kRoundLeast);
}

void Upkeep::feed_watchdog(Clock::time_point now) {
  const bool stalled = now - upkeep_.last_round() > std::max(2 * watchdog_interval_, kRoundLeast) &&
                       !at_disk_ && !writer_at_disk_;
  if (stalled && !told_stall_)
    log_error("the journal does not answer although no disk is waited for: systemd's watchdog is not fed");
  told_stall_ = stalled;
  if (stalled || watchdog_interval_ <= milliseconds(0) || now < next_watchdog_) return;
  notify_systemd("WATCHDOG=1");
  next_watchdog_ = now + watchdog_interval_ - watchdog_tick();
}

}  // namespace hookspool::agent
