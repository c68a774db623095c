#include "agent/upkeep/history_upkeep.h"

#include <algorithm>
#include <map>
#include <utility>

#include "agent/history/history_file.h"

namespace hookspool::agent {

using std::chrono::duration_cast;

HistoryUpkeep::HistoryUpkeep(const HealthSources& sources, History& history, LaneRates& rates,
                             std::filesystem::path journal, const TimeSource& time)
    : sources_(sources),
      history_(history),
      rates_(rates),
      journal_(std::move(journal)),
      time_(time),
      read_at_(time.now()),
      next_save_(time.now() + kSaveInterval) {}

HistoryReading HistoryUpkeep::reading(TimePoint now) {
  HistoryReading reading;
  auto& intake = sources_.admission.figures();
  reading.accepted = intake.accepted;
  reading.refused = intake.refused_rate + intake.refused_no_room + intake.refused_source +
                    intake.refused_names + intake.refused_failed + intake.refused_signature +
                    intake.refused_unknown + sources_.intake.stats().refused;
  reading.waiting = sources_.journal.admin().stats().pending;
  reading.durable = intake.answer.since_start();
  const milliseconds passed = duration_cast<milliseconds>(now - read_at_);
  read_at_ = now;
  if (sources_.postgres) {
    auto& figures = sources_.postgres->lanes.figures();
    reading.delivered = figures.delivered_live + figures.delivered_from_journal;
    reading.committed = figures.accept_to_commit.since_start();
    // An outage that began and ended between two readings is in the total.
    const auto uplink = sources_.postgres->uplink.status();
    const milliseconds ended = std::min(uplink.outage_total - outage_total_, passed);
    outage_total_ = uplink.outage_total;
    down_ += uplink.up ? ended : passed;
  }
  reading.down = down_;
  return reading;
}

void HistoryUpkeep::sample() {
  const TimePoint now = time_.now();
  if (!history_.due(now)) return;
  history_.add(now, time_.wall_clock_us(), reading(now));
  if (now < next_lanes_) return;
  next_lanes_ = now + LaneRates::kStep;
  sample_lanes(now);
}

void HistoryUpkeep::sample_lanes(TimePoint now) {
  std::map<std::string, LaneRates::Reading> lanes;
  for (const auto& name : sources_.journal.lanes()) {
    for (const auto& run : sources_.journal.runs(name)) {
      if (run.current) lanes[name] = {run.epoch, run.last_seq};
    }
  }
  rates_.add(now, lanes);
}

void HistoryUpkeep::keep() {
  if (!std::exchange(restored_, true)) history_.restore(time_.wall_clock_us(), read_history(journal_));
  if (time_.now() < next_save_) return;
  next_save_ = time_.now() + kSaveInterval;
  save();
}

// Where the journal refuses, what is left of the disk is the journal's.
void HistoryUpkeep::save() {
  if (sources_.journal.admin().stats().accepting) (void)write_history(journal_, history_.coarse());
}

void HistoryUpkeep::finish() {
  if (!restored_) return;  // it would take the place of what was never read
  const TimePoint now = time_.now();
  history_.finish(now, time_.wall_clock_us(), reading(now));
  save();
}

}  // namespace hookspool::agent
