// What has to be done now and then. Two halves: what may wait for the disk (saving the lanes' cursors, letting go of
// old segments) is done about once a second, and half as often where nothing moves, by a thread of its own; the main
// thread's tick wakes that one, so that an idle agent wakes the machine once a second and no more, tells systemd and
// the log how it goes, and never waits for a file. Not thread-safe, but for what the two halves share.
//
// The watchdog of systemd is fed as long as the first half goes round, which needs the journal's writer, or
// whoever is behind is at the disk: a restart heals a stalled thread, not a stalled disk.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "agent/config.h"
#include "agent/current.h"
#include "agent/fill_forecast.h"
#include "agent/health.h"
#include "agent/idle_memory.h"
#include "agent/segment_age.h"

namespace hookspool::agent {

class Upkeep {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr milliseconds kTick{1'000};
  static constexpr milliseconds kStatusInterval{10'000};
  static constexpr milliseconds kIdleRound{2'000};          // where nothing has moved since the last one
  static constexpr milliseconds kRoundLeast{5'000};         // no round within this long is nothing yet
  static constexpr milliseconds kIdleSaveInterval{10'000};  // where nothing has changed that could be saved

  // Starts the thread. What is given by reference must outlive this.
  Upkeep(const HealthSources& sources, const Current<JournalConfig>& config, FillForecast& forecast);
  ~Upkeep();  // waits for the round at hand, and so for the disk
  Upkeep(const Upkeep&) = delete;
  Upkeep& operator=(const Upkeep&) = delete;

  void tick(Clock::time_point now);  // by the main thread

 private:
  void run();
  bool save_due(const storage::JournalStats& stats, Clock::time_point now);
  void save_cursors();
  void retain(Clock::time_point now);
  void age(Clock::time_point now, std::uint64_t newest_closed);
  void tell_refused();
  void keep_dedupe_index();
  bool round_due(Clock::time_point now);
  void tell(Clock::time_point now);
  void feed_watchdog(Clock::time_point now);

  const HealthSources& sources_;
  const Current<JournalConfig>& config_;

  // Of the main thread.
  const milliseconds watchdog_interval_;
  std::optional<Mode> told_mode_;
  bool told_stall_ = false;
  Clock::time_point next_status_{}, next_watchdog_{}, next_round_{};
  std::pair<std::uint64_t, std::uint64_t> round_at_;  // events appended, events waiting

  // Of the upkeep's thread.
  SegmentAge age_;
  std::optional<Clock::time_point> aged_at_;
  Clock::time_point next_note_{};
  std::pair<std::uint64_t, std::uint64_t> saved_at_;  // events appended, events waiting
  Clock::time_point next_save_{};
  IdleMemory memory_;
  std::string told_journal_error_, told_dedupe_error_;
  std::set<std::string> told_refused_;  // sources
  FillForecast& forecast_;

  std::atomic<Clock::time_point> last_round_;
  std::atomic<bool> at_disk_ = false;  // the upkeep's thread itself, unlinking
  std::atomic<int> asked_;             // of the thread: nothing, a round, to end
  std::thread thread_;                 // last: it uses all of the above
};

}  // namespace hookspool::agent
