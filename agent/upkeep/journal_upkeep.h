// What the journal needs once a second: its cursors saved, delivered history dropped when its time is over or room is short,
// a forecast of how long the room lasts, and a line in the log for each change.
// Not thread-safe, but for at_disk(): belongs to the upkeep's thread. Errors are logged once each, and the next round
// tries again.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/current.h"
#include "agent/base/time_source.h"
#include "agent/config/config.h"
#include "agent/upkeep/fill_forecast.h"
#include "agent/upkeep/segment_age.h"
#include "storage/journal/journal_admin.h"
#include "storage/journal/journal_notes.h"

namespace hookspool::agent {

class JournalUpkeep {
 public:
  using TimePoint = TimeSource::TimePoint;
  static constexpr milliseconds kRound{1'000};              // how often round() is meant to be called
  static constexpr milliseconds kIdleRound{2'000};          // where nothing has moved since the last one
  static constexpr milliseconds kIdleSaveInterval{10'000};  // where nothing has changed that could be saved
  static constexpr milliseconds kNoteInterval{
      60'000};  // of the note that carries the segments' age over restarts

  // What is given by reference must outlive this. `watchdog_interval`: how often the journal's writer must have answered
  // where nothing moves; 0: kIdleSaveInterval.
  JournalUpkeep(storage::JournalAdmin& journal, storage::JournalNotes& notes,
                const Current<JournalConfig>& config, FillForecast& forecast, milliseconds watchdog_interval,
                const TimeSource& time = real_time());

  // False: nothing has moved, and nothing was done.
  bool round();

  // It waits for the disk at this moment, unlinking or writing a note. Any thread.
  bool at_disk() const { return at_disk_; }

 private:
  bool round_due(const storage::JournalStats& stats, TimePoint now);
  bool save_due(const storage::JournalStats& stats, TimePoint now);
  void save_cursors();
  void retain(TimePoint now);
  void age(TimePoint now, std::uint64_t newest_closed);
  void drop(const std::vector<std::uint64_t>& segments);
  void log_refused_sources();

  storage::JournalAdmin& journal_;
  storage::JournalNotes& notes_;
  const Current<JournalConfig>& config_;
  FillForecast& forecast_;
  const milliseconds watchdog_interval_;
  const TimeSource& time_;

  bool age_is_read_ = false;
  SegmentAge age_;
  std::optional<TimePoint> aged_at_;
  TimePoint next_note_{};
  TimePoint next_round_{};
  std::pair<std::uint64_t, std::uint64_t> round_at_, saved_at_;  // events appended, events waiting
  TimePoint next_save_{};
  std::string logged_error_;
  std::set<std::string> logged_refused_;  // sources
  std::atomic<bool> at_disk_ = false;
};

}  // namespace hookspool::agent
