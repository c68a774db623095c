// Periodic maintenance, by three threads, so that none of it waits for another.
//
// - "upkeep" does what the journal needs (journal_upkeep.h), about once a second, and half as often where nothing moves.
// - "chores" does what may take minutes: old quarantined requests, what the index of deliveries lacks, the history's file, the
//   consumers' lag.
// - "status" tells systemd and the log how it goes, reads the figures for the history, and looks for alerts. It writes no
//   file, so it does so also while a disk stalls.
// The main thread waits for none of them; it only feeds systemd's watchdog (watchdog.h), from a few numbers that need no
// lock. Not thread-safe: feed_watchdog() belongs to the main thread.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <string>

#include "agent/alerts/alerts.h"
#include "agent/base/current.h"
#include "agent/base/round_thread.h"
#include "agent/config/config.h"
#include "agent/upkeep/fill_forecast.h"
#include "agent/upkeep/health.h"
#include "agent/upkeep/history_upkeep.h"
#include "agent/upkeep/idle_memory.h"
#include "agent/upkeep/journal_upkeep.h"
#include "agent/upkeep/silence_upkeep.h"
#include "agent/upkeep/watchdog.h"

namespace hookspool::agent {

class Upkeep {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr milliseconds kChoresRound{2'000};
  static constexpr milliseconds kStatusRound{1'000};
  static constexpr milliseconds kStatusInterval{10'000};  // of the status where nothing has changed
  static constexpr milliseconds kReadLateInterval{
      5'000};  // until a segment that cannot be read is tried again

  // Starts the threads. What is given by reference must outlive this.
  Upkeep(const HealthSources& sources, const Current<JournalConfig>& config, FillForecast& forecast,
         HistoryUpkeep& history, SilenceUpkeep& silence, Alerts& alerts);
  ~Upkeep();  // waits for the running rounds, and so for the disk
  Upkeep(const Upkeep&) = delete;
  Upkeep& operator=(const Upkeep&) = delete;

  // By the main thread, every watchdog_tick() at least. Waits for nothing.
  void feed_watchdog(Clock::time_point now);
  milliseconds watchdog_tick() const { return watchdog_.tick(); }

 private:
  void round();

  void do_chores();
  void read_late(Clock::time_point now);
  void keep_dedupe_index();

  void tell_status();
  void look_for_alerts();

  const HealthSources& sources_;
  HistoryUpkeep& history_;
  SilenceUpkeep& silence_;
  Alerts& alerts_;
  Watchdog watchdog_;  // of the main thread

  // Of "status".
  std::optional<Mode> told_mode_;
  Clock::time_point next_status_{};

  // Of "chores".
  Clock::time_point next_read_late_{};
  std::string told_dedupe_error_;

  // Of "upkeep".
  JournalUpkeep journal_;
  IdleMemory memory_;

  std::atomic<bool> writer_at_disk_ = false;  // the journal's writer, as "status" has seen it last

  RoundThread upkeep_, chores_, status_;  // last: they use all of the above
};

}  // namespace hookspool::agent
