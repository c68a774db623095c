// Periodic maintenance (cursors, retention, watchdog, status), by three threads, so that none of it waits for another.
//
// - "upkeep" saves the lanes' cursors and drops old segments, about once a second, and half as often where nothing moves.
// - "chores" does what may take minutes: old quarantined requests, and what the index of deliveries lacks.
// - "status" tells systemd and the log how it goes. It writes no file, so it does so also while a disk stalls.
// The main thread waits for none of them; it only feeds systemd's watchdog, from a few numbers that need no lock. It feeds
// it as long as the upkeep goes round, which needs the journal's writer, or as long as the thread that is late waits for
// the disk: a restart heals a stalled thread, not a stalled disk. Not thread-safe: feed_watchdog() belongs to the main thread.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "agent/base/current.h"
#include "agent/base/round_thread.h"
#include "agent/config/config.h"
#include "agent/upkeep/fill_forecast.h"
#include "agent/upkeep/health.h"
#include "agent/upkeep/idle_memory.h"
#include "agent/upkeep/segment_age.h"

namespace hookspool::agent {

class Upkeep {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr milliseconds kRound{1'000};
  static constexpr milliseconds kChoresRound{2'000};
  static constexpr milliseconds kStatusInterval{10'000};
  static constexpr milliseconds kIdleRound{2'000};   // where nothing has moved since the last one
  static constexpr milliseconds kRoundLeast{5'000};  // no round within this long is nothing yet
  static constexpr milliseconds kReadLateInterval{
      5'000};  // until a segment that cannot be read is tried again
  static constexpr milliseconds kIdleSaveInterval{10'000};  // where nothing has changed that could be saved

  // Starts the threads. What is given by reference must outlive this.
  Upkeep(const HealthSources& sources, const Current<JournalConfig>& config, FillForecast& forecast);
  ~Upkeep();  // waits for the rounds at hand, and so for the disk
  Upkeep(const Upkeep&) = delete;
  Upkeep& operator=(const Upkeep&) = delete;

  // By the main thread, every watchdog_tick() at least. Waits for nothing.
  void feed_watchdog(Clock::time_point now);
  milliseconds watchdog_tick() const;

 private:
  void round();
  bool round_due(Clock::time_point now);
  bool save_due(const storage::JournalStats& stats, Clock::time_point now);
  void save_cursors();
  void retain(Clock::time_point now);
  void age(Clock::time_point now, std::uint64_t newest_closed);
  void read_late(Clock::time_point now);
  void tell_refused();

  void do_chores();
  void keep_dedupe_index();

  void tell_status();

  const HealthSources& sources_;
  const Current<JournalConfig>& config_;
  const milliseconds watchdog_interval_;

  // Of the main thread.
  bool told_stall_ = false;
  Clock::time_point next_watchdog_{};

  // Of "status".
  std::optional<Mode> told_mode_;
  Clock::time_point next_status_{};

  // Of "chores".
  Clock::time_point next_read_late_{};
  std::string told_dedupe_error_;

  // Of "upkeep".
  bool age_is_read_ = false;
  SegmentAge age_;
  std::optional<Clock::time_point> aged_at_;
  Clock::time_point next_note_{};
  Clock::time_point next_round_{};
  std::pair<std::uint64_t, std::uint64_t> round_at_, saved_at_;  // events appended, events waiting
  Clock::time_point next_save_{};
  IdleMemory memory_;
  std::string told_journal_error_;
  std::set<std::string> told_refused_;  // sources
  FillForecast& forecast_;
  std::atomic<bool> at_disk_ = false;         // "upkeep" itself, unlinking or writing a note
  std::atomic<bool> writer_at_disk_ = false;  // the journal's writer, as "status" has seen it last

  RoundThread upkeep_, chores_, status_;  // last: they use all of the above
};

}  // namespace hookspool::agent
