#include "agent/delivery/lane_schedule.h"

#include <algorithm>

namespace hookspool::agent {

bool LaneSchedule::uplink_changed(const UplinkStatus& uplink, TimePoint now, Draw draw) {
  if (uplink.changes < uplink_changes_) return false;
  uplink_changes_ = uplink.changes;
  uplink_up_ = uplink.up;
  if (!uplink.up) return false;
  const auto spread = std::min(uplink.last_outage / kSpreadShare, kSpreadMax);
  ready_.clear();
  for (LaneTurn* turn : turns_) {
    cancel_delay(*turn);
    turn->ready = false;
    turn->coming.clear();
    turn->sooner.reset();
    const auto start =
        now + milliseconds(static_cast<std::int64_t>(draw() * static_cast<double>(spread.count())));
    turn->not_before = start;
    delay(*turn, start);
  }
  return true;
}

void LaneSchedule::make_ready(LaneTurn& turn) {
  if (turn.running) {
    turn.again = true;
    return;
  }
  if (turn.ready) return;
  turn.ready = true;
  ready_.push_back(&turn);
}

void LaneSchedule::retry(LaneTurn& turn) {
  turn.not_before = {};
  turn.retry = turn.running;
  make_ready(turn);
}

void LaneSchedule::retry_all() {
  for (LaneTurn* turn : turns_) {
    if (turn->delayed || turn->running) retry(*turn);
    cancel_delay(*turn);
  }
}

bool LaneSchedule::announce(LaneTurn& turn, const EventPtr& event, TimePoint now, std::size_t& spare) {
  bool begins = false;
  if (turn.coming.empty()) {
    const bool waits = !turn.running && !turn.ready && turn.not_before <= now;
    if (!waits || spare < 2) return false;
    spare -= 1;
    make_ready(turn);
    begins = true;
  }
  turn.coming.push_back(event);
  return begins;
}

bool LaneSchedule::committed(LaneTurn& turn, TimePoint now) {
  turn.coming.clear();  // no worker has begun with it, and now there is no need to
  if (turn.not_before <= now) {
    make_ready(turn);
    return true;
  }
  if (!turn.sooner) return false;  // the event waits in the journal
  turn.not_before = std::max(*turn.sooner, now);
  turn.sooner.reset();
  delay(turn, turn.not_before);
  return true;
}

LaneTurn* LaneSchedule::take(TimePoint now) {
  while (!delayed_.empty() && delayed_.begin()->first <= now) {
    LaneTurn& due = *delayed_.begin()->second;
    cancel_delay(due);
    make_ready(due);
  }
  if (!uplink_up_ || ready_.empty()) return nullptr;
  LaneTurn* turn = ready_.front();
  ready_.pop_front();
  cancel_delay(*turn);  // this step does what it waited for
  turn->ready = false;
  turn->running = true;
  turn->again = turn->retry = false;
  // What comes in from here on asks for another turn (`again`), however long the lane had been going to wait.
  turn->not_before = {};
  turn->sooner.reset();
  return turn;
}

std::optional<LaneSchedule::TimePoint> LaneSchedule::next_due() const {
  if (delayed_.empty() || !uplink_up_) return std::nullopt;
  return delayed_.begin()->first;
}

bool LaneSchedule::finish(LaneTurn& turn, const LaneStep& step) {
  turn.running = false;
  turn.not_before = step.not_before;
  turn.sooner = step.sooner;
  switch (step.next) {
    case LaneStep::Next::kIdle:
      if (turn.again) make_ready(turn);
      return false;
    case LaneStep::Next::kMore:
    case LaneStep::Next::kUplinkDown:
      make_ready(turn);
      return false;
    case LaneStep::Next::kLater:
      break;
  }
  if (turn.retry) {
    turn.not_before = {};
    make_ready(turn);
    return false;
  }
  delay(turn, step.not_before);
  return true;
}

// A lane that waits already has its turn at the earlier of both times.
void LaneSchedule::delay(LaneTurn& turn, TimePoint due) {
  if (turn.delayed) due = std::min(due, turn.due);
  cancel_delay(turn);
  turn.delayed = true;
  turn.due = due;
  delayed_.emplace(due, &turn);
}

void LaneSchedule::cancel_delay(LaneTurn& turn) {
  if (!turn.delayed) return;
  delayed_.erase({turn.due, &turn});
  turn.delayed = false;
}

}  // namespace hookspool::agent
