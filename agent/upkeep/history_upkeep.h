// Fills the dashboard's history from the agent's figures, and keeps it over a restart.
//
// Not thread-safe: sample() belongs to the thread "status", which waits for no file; keep() to "chores". What the file cannot take is lost
// without harm: it is written again kSaveInterval later. finish() is the last call, when the threads have ended.
#pragma once

#include <chrono>
#include <filesystem>

#include "agent/base/time_source.h"
#include "agent/history/history.h"
#include "agent/history/lane_rates.h"
#include "agent/upkeep/health.h"

namespace hookspool::agent {

class HistoryUpkeep {
 public:
  using TimePoint = TimeSource::TimePoint;
  static constexpr std::chrono::milliseconds kSaveInterval{300'000};

  // What is given by reference must outlive this. `journal`: the folder.
  HistoryUpkeep(const HealthSources& sources, History& history, LaneRates& rates,
                std::filesystem::path journal, const TimeSource& time = real_time());

  void sample();
  void keep();
  void finish();

 private:
  HistoryReading reading(TimePoint now);
  void sample_lanes(TimePoint now);
  void save();

  const HealthSources& sources_;
  History& history_;
  LaneRates& rates_;
  const std::filesystem::path journal_;
  const TimeSource& time_;

  // Of sample().
  std::chrono::milliseconds down_{0}, outage_total_{0};
  TimePoint read_at_;
  TimePoint next_lanes_{};

  // Of keep().
  bool restored_ = false;
  TimePoint next_save_;
};

}  // namespace hookspool::agent
