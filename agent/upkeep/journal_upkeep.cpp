#include "agent/upkeep/journal_upkeep.h"

#include <algorithm>
#include <string_view>

#include "agent/base/log.h"
#include "agent/upkeep/retention.h"

namespace hookspool::agent {
namespace {

constexpr std::string_view kAgeNote = "age";

}  // namespace

JournalUpkeep::JournalUpkeep(storage::JournalAdmin& journal, storage::JournalNotes& notes,
                             const Current<JournalConfig>& config, FillForecast& forecast,
                             milliseconds watchdog_interval, const TimeSource& time)
    : journal_(journal),
      notes_(notes),
      config_(config),
      forecast_(forecast),
      watchdog_interval_(watchdog_interval),
      time_(time) {}

bool JournalUpkeep::round() {
  at_disk_ = false;  // whatever the last one threw
  if (!std::exchange(age_is_read_, true)) {
    const auto note = notes_.read(kAgeNote);
    if (note && note->has_value()) age_ = SegmentAge::parse(**note);
  }
  const auto now = time_.now();
  const auto stats = journal_.stats();
  if (!round_due(stats, now)) return false;
  if (save_due(stats, now)) save_cursors();
  retain(time_.now());
  log_refused_sources();
  return true;
}

bool JournalUpkeep::round_due(const storage::JournalStats& stats, TimePoint now) {
  const std::pair seen{stats.events_appended, stats.pending};
  if (std::exchange(round_at_, seen) == seen && now < next_round_) return false;
  next_round_ = now + kIdleRound - kRound / 2;  // the round nearest to it
  return true;
}

// Where nothing has moved there is nothing to save, but the writer is asked all the same now and then, and as often as
// systemd wants to hear of it: its answer is what the watchdog is fed for.
bool JournalUpkeep::save_due(const storage::JournalStats& stats, TimePoint now) {
  const std::pair seen{stats.events_appended, stats.pending};
  const bool moved = std::exchange(saved_at_, seen) != seen;
  const bool well = stats.accepting && stats.reserve_held && logged_error_.empty();
  if (!moved && well && now < next_save_) return false;
  const bool watched = watchdog_interval_ > milliseconds(0);
  next_save_ = now + (watched ? std::min(watchdog_interval_, kIdleSaveInterval) : kIdleSaveInterval);
  return true;
}

void JournalUpkeep::save_cursors() {
  const auto saved = journal_.save_cursors();
  const std::string error = saved ? "" : saved.error().text;
  if (error != logged_error_ && !error.empty()) log_warn("journal: " + error);
  logged_error_ = error;
}

// The clock of the wall plays no part: a jump of it neither drops history in a mass nor keeps it for ever.
void JournalUpkeep::age(TimePoint now, std::uint64_t newest_closed) {
  const auto passed = now - aged_at_.value_or(now);
  aged_at_ = now;
  age_.advance(std::chrono::duration_cast<milliseconds>(passed), newest_closed,
               config_.get()->keep_delivered);
  if (now < next_note_) return;
  next_note_ = now + kNoteInterval;
  // What is not written is counted once more after the next start: history is kept a little longer.
  at_disk_ = true;
  (void)notes_.write(kAgeNote, age_.text());
  at_disk_ = false;
}

void JournalUpkeep::retain(TimePoint now) {
  const auto stats = journal_.stats();
  const auto segments = journal_.segments();
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
  drop(plan.drop);
  if (!plan.rotate) return;
  const auto rotated = journal_.rotate();
  if (!rotated) log_warn("journal: " + rotated.error().text);
}

void JournalUpkeep::drop(const std::vector<std::uint64_t>& segments) {
  for (const auto number : segments) {
    at_disk_ = true;
    const auto dropped = journal_.drop_segment(number);
    at_disk_ = false;
    if (!dropped) log_warn("journal: " + dropped.error().text);
  }
  if (!segments.empty())
    log_debug("journal: dropped " + std::to_string(segments.size()) + " delivered segments");
}

// Each source once when it begins to be refused, and once when it is accepted again.
void JournalUpkeep::log_refused_sources() {
  for (const auto& use : journal_.lane_usages()) {
    const bool logged = logged_refused_.contains(use.lane);
    if (!use.refused_because.empty() && !logged) {
      log_warn("source " + printable(use.lane) + " is refused: " + use.refused_because);
      logged_refused_.insert(use.lane);
    } else if (use.refused_because.empty() && logged) {
      log_info("source " + printable(use.lane) + " is taken again");
      logged_refused_.erase(use.lane);
    }
  }
}

}  // namespace hookspool::agent
