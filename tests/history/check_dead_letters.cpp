// I8: dead letters are the planted ones.
#include <algorithm>
#include <map>

#include "tests/history/facts.h"

namespace hookspool::history {
namespace {

constexpr std::int64_t kMicrosecondsInASecond = 1'000'000;
// From the last refusal by a changed table to the commit of its dead letter, on a loaded machine.
constexpr std::int64_t kBuryingMicrosecondsMax = 5 * kMicrosecondsInASecond;

bool refused_by_a_changed_table(const Facts& facts, const Landed& dead) {
  return std::any_of(facts.result.faults.begin(), facts.result.faults.end(), [&](const Fault& fault) {
    return fault.refuses_rows && dead.at_us >= fault.begin_us &&
           dead.at_us <= fault.end_us + kBuryingMicrosecondsMax;
  });
}

bool planted(const Facts& facts, const Landed& dead) {
  const auto found = facts.by_key.find(dead.key);
  return found != facts.by_key.end() && found->second.front()->kind == Kind::kPoison;
}

std::uint64_t windows(const Facts& facts) {
  const auto& faults = facts.result.faults;
  return static_cast<std::uint64_t>(
      std::count_if(faults.begin(), faults.end(), [](const Fault& fault) { return fault.refuses_rows; }));
}

}  // namespace

void check_dead_letters(const Facts& facts, Violations& violations) {
  for (const Landed& dead : facts.result.dead_letters) {
    if (!planted(facts, dead))
      violations.add("I8", "a good event is a dead letter: " + name_of(dead) + " " + dead.sqlstate);
  }
  std::map<std::string, std::uint64_t> by_lane;
  for (const Landed& dead : facts.result.ever_dead) {
    if (planted(facts, dead)) continue;
    if (!refused_by_a_changed_table(facts, dead)) {
      violations.add("I8", "a good event was a dead letter: " + name_of(dead) + " " + dead.sqlstate);
    } else if (++by_lane[dead.source] == kRefusedInARowMax * windows(facts) + 1) {
      violations.add("I8", "a changed table made too many dead letters in lane " + dead.source);
    }
  }
  for (const Landed& row : facts.result.rows) {
    const auto found = facts.by_key.find(row.key);
    if (found != facts.by_key.end() && found->second.front()->kind == Kind::kPoison) {
      violations.add("I8", "the table took a planted event: " + name_of(row));
    }
  }
}

}  // namespace hookspool::history
