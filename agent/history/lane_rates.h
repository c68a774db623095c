// How many events of each lane come per second, as a mean in which what is older than a minute counts for less than a
// third. One entry a lane of the journal, which bounds their number. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "agent/base/time_source.h"
#include "storage/base/mutex.h"
#include "storage/model/uuid.h"

namespace hookspool::agent {

class LaneRates {
 public:
  using TimePoint = TimeSource::TimePoint;
  using Seconds = std::chrono::duration<double>;
  static constexpr Seconds kWindow{60};
  static constexpr std::chrono::milliseconds kStep{10'000};  // between two readings

  // How far a lane's run of the current epoch has come.
  struct Reading {
    Uuid epoch;
    std::uint64_t last_seq = 0;
  };
  // Lanes that are not in `lanes` are forgotten.
  void add(TimePoint now, const std::map<std::string, Reading>& lanes);

  double per_second(const std::string& lane) const;  // 0: not known

 private:
  struct Rate {
    TimePoint at;
    Reading reading;
    double events = 0;  // per second, weighted, not yet divided by `weight`
    double weight = 0;  // of all readings so far, 1 at most
  };

  mutable Mutex mutex_;
  std::map<std::string, Rate> rates_ GUARDED_BY(mutex_);
};

}  // namespace hookspool::agent
