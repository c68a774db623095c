// I10: something is delivered while nothing is broken.
#include <algorithm>

#include "tests/history/facts.h"

namespace hookspool::history {
namespace {

constexpr std::int64_t kMicrosecondsInASecond = 1'000'000;

bool broken_between(const Facts& facts, std::int64_t begin_us, std::int64_t end_us) {
  const auto& faults = facts.result.faults;
  return std::any_of(faults.begin(), faults.end(),
                     [&](const Fault& fault) { return fault.begin_us < end_us && fault.end_us > begin_us; });
}

}  // namespace

// A stretch without a delivery counts where more was delivered after it: then there was something to deliver.
void check_progress(const Facts& facts, Violations& violations) {
  const std::vector<Sample>& samples = facts.result.samples;
  if (samples.empty()) return;
  std::size_t since = 0;
  for (std::size_t i = 1; i < samples.size(); ++i) {
    if (broken_between(facts, samples[since].at_us, samples[i].at_us)) {
      since = i;
      continue;
    }
    if (samples[i].delivered == samples[since].delivered) continue;
    const std::int64_t seconds = (samples[i].at_us - samples[since].at_us) / kMicrosecondsInASecond;
    if (seconds > kStallSecondsMax) {
      violations.add(
          "I10", "nothing was delivered for " + std::to_string(seconds) + " s although nothing was broken");
    }
    since = i;
  }
}

}  // namespace hookspool::history
