#include "agent/base/time_source.h"

#include "agent/base/wall_clock.h"

namespace hookspool::agent {
namespace {

class RealTime : public TimeSource {
 public:
  TimePoint now() const override { return std::chrono::steady_clock::now(); }
  std::int64_t wall_clock_us() const override { return agent::wall_clock_us(); }
};

}  // namespace

const TimeSource& real_time() {
  static const RealTime time;
  return time;
}

}  // namespace hookspool::agent
