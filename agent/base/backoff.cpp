#include "agent/base/backoff.h"

#include <algorithm>

namespace hookspool::agent {

std::chrono::milliseconds backoff_delay(std::chrono::milliseconds least, std::chrono::milliseconds most,
                                        unsigned attempt, double draw) {
  // Doubling stops before it could overflow; `most` has long been reached by then.
  constexpr unsigned kDoublingsMax = 40;
  auto upper = least.count();
  for (unsigned i = 0; i < std::min(attempt, kDoublingsMax) && upper < most.count(); ++i) upper *= 2;
  upper = std::min(upper, most.count());
  const auto drawn = static_cast<std::int64_t>(std::clamp(draw, 0.0, 1.0) * static_cast<double>(upper));
  return std::chrono::milliseconds(std::max(drawn, std::min(kBackoffFloor.count(), upper)));
}

}  // namespace hookspool::agent
