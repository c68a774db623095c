// The order in which a running agent stops, as a function of its parts: against the data's way. What accepts events ends
// first, so that all that was read is answered; what keeps them ends last, because the others still write to it.
//
// Pure but for what the steps do; thread-safe.
#pragma once

#include <functional>

namespace hookspool::agent {

// Each step is called once, whatever those before it answered. False: it outlasted its grace.
struct StopSteps {
  std::function<bool()> reloads;
  std::function<bool()> alerts;  // before all others: that a part stops is no news
  std::function<bool()> intake;
  std::function<bool(bool patient)> deliveries;  // `patient`: all before it have ended
  std::function<bool()> admin;
  std::function<void()> upkeep;
  std::function<void()> logs;  // the counts that are still to be logged
  std::function<bool()> journal;
};

// False: one of them did.
bool stop_in_order(const StopSteps& steps);

}  // namespace hookspool::agent
