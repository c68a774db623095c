#include "agent/app/stop_order.h"

namespace hookspool::agent {

bool stop_in_order(const StopSteps& steps) {
  bool ended = steps.reloads();
  ended = steps.intake() && ended;
  ended = steps.deliveries(ended) && ended;
  ended = steps.admin() && ended;
  steps.upkeep();
  steps.logs();
  return steps.journal() && ended;
}

}  // namespace hookspool::agent
