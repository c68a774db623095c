// What the dashboard's charts show: the last ten minutes in steps of two seconds, and 24 hours in steps of a minute.
//
// Memory: kFineMax + kCoarseMax samples of 44 bytes, about 77 kB. Where the agent did not run there is no sample.
// Thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "agent/base/time_source.h"
#include "agent/history/history_sample.h"
#include "storage/base/mutex.h"

namespace hookspool::agent {

class History {
 public:
  using TimePoint = TimeSource::TimePoint;
  static constexpr std::chrono::milliseconds kFineStep{2'000}, kCoarseStep{60'000};
  static constexpr std::size_t kFineMax = 300;                 // ten minutes
  static constexpr std::size_t kCoarseMax = 1440;              // 24 hours
  static constexpr std::chrono::milliseconds kLeastStep{500};  // of a sample that finish() adds

  // True: kFineStep has passed since the last reading.
  bool due(TimePoint now) const;
  // A sample for each series whose step is over. The first reading only begins.
  void add(TimePoint now, std::int64_t wall_clock_us, const HistoryReading& reading);
  // The last one of this process: what there is of the step, so that a restart loses nothing.
  void finish(TimePoint now, std::int64_t wall_clock_us, const HistoryReading& reading);

  // Steps of an earlier process, oldest first; those that are not within the 24 hours before `wall_clock_us`, or
  // not older than this process's own, are left out.
  void restore(std::int64_t wall_clock_us, const std::vector<HistorySample>& coarse);

  // Oldest first.
  std::vector<HistorySample> fine() const;
  std::vector<HistorySample> coarse() const;

  // Per second, in the last `over` of the time in which the agent ran: of the fine steps up to ten minutes, else of the
  // coarse ones. Nothing: no step is over yet.
  struct Rates {
    double accepted = 0, delivered = 0, refused = 0;
  };
  std::optional<Rates> rates(std::chrono::milliseconds over) const;

 private:
  struct Series {
    std::chrono::milliseconds step;
    std::size_t samples_max;
    std::optional<TimePoint> began{};  // of the step that is under way
    HistoryReading before{};
    std::deque<HistorySample> samples{};

    void add(TimePoint now, std::int64_t wall_clock_us, const HistoryReading& reading,
             std::chrono::milliseconds least);
    void push(const HistorySample& sample);
  };

  mutable Mutex mutex_;
  Series fine_ GUARDED_BY(mutex_){kFineStep, kFineMax};
  Series coarse_ GUARDED_BY(mutex_){kCoarseStep, kCoarseMax};
};

}  // namespace hookspool::agent
