// Keeps what the alerts have learned of the sources' pauses over a restart of the agent (agent/alerts/silence_file.h).
//
// Not thread-safe: keep() belongs to the thread "chores". What the file cannot take is lost without harm: it is written again
// kSaveInterval later. finish() is the last call, when the threads have ended.
#pragma once

#include <chrono>
#include <filesystem>

#include "agent/alerts/alerts.h"
#include "agent/base/time_source.h"
#include "storage/journal/journal_admin.h"

namespace hookspool::agent {

class SilenceUpkeep {
 public:
  static constexpr std::chrono::milliseconds kSaveInterval{300'000};

  // What is given by reference must outlive this. `folder`: the journal's.
  SilenceUpkeep(Alerts& alerts, const storage::JournalAdmin& journal, std::filesystem::path folder,
                const TimeSource& time = real_time());

  void keep();
  void finish();

 private:
  void save();

  Alerts& alerts_;
  const storage::JournalAdmin& journal_;
  const std::filesystem::path folder_;
  const TimeSource& time_;
  bool restored_ = false;
  TimeSource::TimePoint next_save_;
};

}  // namespace hookspool::agent
