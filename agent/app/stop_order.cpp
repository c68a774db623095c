#include "agent/app/stop_order.h"

namespace hookspool::agent {

bool stop_in_order(const StopSteps& steps) {
  bool ended = steps.reloads();
  // A receiver of alerts that does not answer takes nothing from the patience with deliveries.
  const bool alerts_ended = steps.alerts();
  ended = steps.intake() && ended;
  ended = steps.deliveries(ended) && ended;
  ended = steps.admin() && ended;
  steps.upkeep();
  steps.logs();
  return steps.journal() && ended && alerts_ended;
}

}  // namespace hookspool::agent
