// Whose turn it is: which lanes are ready for a step, in order, and which wait for a time. A lane that backs off keeps
// to its time whatever comes in; one that is held waits for a new event at most. While the uplink is down none has a turn.
// Pure: time and random numbers are parameters. Not thread-safe: the mutex of Lanes guards it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "agent/base/time_source.h"
#include "agent/delivery/lane_step.h"
#include "agent/delivery/uplink_state.h"
#include "storage/model/event.h"

namespace hookspool::agent {

// A lane's place in the schedule; written by the schedule only.
struct LaneTurn {
  bool ready = false;    // it waits for a worker
  bool running = false;  // a worker has it
  bool again = false;    // while running: there is something to do after it
  bool retry = false;    // while running: an administrator wants a step at once, whatever this one says
  bool delayed = false;  // it waits for `due`, too
  TimeSource::TimePoint due{};
  TimeSource::TimePoint not_before{};           // the lane backs off or is held until then
  std::optional<TimeSource::TimePoint> sooner;  // where a new event may bring that forward to
  std::vector<EventPtr> coming;                 // to begin with; what the journal is about to sync
};

class LaneSchedule {
 public:
  using TimePoint = TimeSource::TimePoint;
  using Draw = double (*)();  // a random number in [0, 1)

  // After an outage each lane begins within this share of it, at random, so that a fleet of agents does not arrive
  // at once; and never later than kSpreadMax.
  static constexpr int kSpreadShare = 10;
  static constexpr milliseconds kSpreadMax{5'000};

  // A new lane. It outlives the schedule.
  void add(LaneTurn& turn) { turns_.push_back(&turn); }

  // Where two changes come in the wrong order, the newer counts. True: the uplink is up, and each lane begins anew.
  bool uplink_changed(const UplinkStatus& uplink, TimePoint now, Draw draw);
  // A worker has lost PostgreSQL.
  void uplink_lost() { uplink_up_ = false; }
  bool uplink_up() const { return uplink_up_; }

  void make_ready(LaneTurn& turn);
  // An administrator does not want to wait: at once, even if the step that is running wants to wait.
  void retry(LaneTurn& turn);
  void retry_all();

  // An event that the journal is about to sync. True: the lane begins with it, and a worker is to be woken. Takes one of
  // `spare` workers for that; the last one stays for a lane that may become ready meanwhile.
  bool announce(LaneTurn& turn, const EventPtr& event, TimePoint now, std::size_t& spare);
  // Events of the lane are durable. True: a worker is to be woken.
  bool committed(LaneTurn& turn, TimePoint now);

  // The lane whose turn it is, which runs until finish(); null: none is ready.
  LaneTurn* take(TimePoint now);
  // When take() may answer a lane although nothing else happens; nothing: not by waiting.
  std::optional<TimePoint> next_due() const;
  bool any_ready() const { return !ready_.empty(); }
  // True: a worker is to be woken, for there is a new time to wait for.
  bool finish(LaneTurn& turn, const LaneStep& step);

 private:
  void delay(LaneTurn& turn, TimePoint due);
  void cancel_delay(LaneTurn& turn);

  std::vector<LaneTurn*> turns_;
  std::deque<LaneTurn*> ready_;
  std::set<std::pair<TimePoint, LaneTurn*>> delayed_;  // by LaneTurn::due; a lane once at most
  bool uplink_up_ = false;
  std::uint64_t uplink_changes_ = 0;  // UplinkStatus::changes of what uplink_up_ was taken from
};

}  // namespace hookspool::agent
