#include "agent/upkeep/silence_upkeep.h"

#include <utility>

#include "agent/alerts/silence_file.h"

namespace hookspool::agent {

SilenceUpkeep::SilenceUpkeep(Alerts& alerts, const storage::JournalAdmin& journal,
                             std::filesystem::path folder, const TimeSource& time)
    : alerts_(alerts),
      journal_(journal),
      folder_(std::move(folder)),
      time_(time),
      next_save_(time.now() + kSaveInterval) {}

void SilenceUpkeep::keep() {
  if (!std::exchange(restored_, true)) alerts_.restore_sources(read_silence(folder_));
  if (time_.now() < next_save_) return;
  next_save_ = time_.now() + kSaveInterval;
  save();
}

// Where the journal refuses, what is left of the disk is the journal's.
void SilenceUpkeep::save() {
  const auto known = alerts_.known_sources();
  if (known && journal_.stats().accepting) (void)write_silence(folder_, *known);
}

void SilenceUpkeep::finish() {
  if (restored_) save();  // else it would take the place of what was never read
}

}  // namespace hookspool::agent
