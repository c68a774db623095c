// How a lane is doing, and when it tries again: its state, its last failure, its backoff. Each change of the state is
// logged once, however often the failure repeats.
// Thread-safe: the lane's step reports, any thread reads. Does no I/O but the log.
#pragma once

#include <string>

#include "agent/base/time_source.h"
#include "agent/delivery/lane_status.h"
#include "agent/delivery/lane_step.h"
#include "storage/base/mutex.h"

namespace hookspool::agent {

class LaneReport {
 public:
  using Draw = double (*)();  // a random number in [0, 1); thread-safe

  // `time` outlives the report.
  LaneReport(std::string name, const TimeSource& time, Draw draw);

  // PostgreSQL was lost: the uplink decides when it is tried again, for all lanes at once.
  LaneStep uplink_down(const net::PgError& error);
  // What passes by itself: tried again by exponential backoff between `least` and `most`.
  LaneStep retry(const net::PgError& error, milliseconds least, milliseconds most);
  // What needs an administrator: tried again after half to the whole of `most`, because no event announces the repair.
  LaneStep hold(const net::PgError& error, milliseconds most);
  // A step succeeded. `live`: the lane keeps up with its source.
  void succeeded(bool live);
  // What of the events that were delivered became no row.
  void count(const net::RowCounts& counts);

  unsigned tries_failed() const;  // in a row
  // Without what the journal knows (pending, epoch, numbers) and without refused_id.
  LaneStatus status() const;

 private:
  void set_error(const net::PgError& error) REQUIRES(mutex_);

  const std::string name_;
  const TimeSource& time_;
  const Draw draw_;
  mutable Mutex mutex_;
  LaneStatus status_ GUARDED_BY(mutex_);
  std::string logged_waiting_ GUARDED_BY(mutex_);  // the reason for which the log says that the lane waits
  LaneStep::TimePoint next_try_ GUARDED_BY(mutex_){};
};

}  // namespace hookspool::agent
