// I6, I7 and I9: numbers, watermarks, and what the journal still holds.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "tests/history/facts.h"

namespace hookspool::history {
namespace {

using Place = std::tuple<std::string, std::string, std::uint64_t>;  // epoch, lane, number

// Numbers that are taken although no row bears them: dead letters that were put back under another one.
std::map<LaneKey, std::set<std::uint64_t>> explained(const Facts& facts) {
  std::map<LaneKey, std::set<std::uint64_t>> numbers;
  for (const Landed& dead : facts.result.ever_dead) {
    if (facts.by_id.contains(dead.id)) numbers[{dead.epoch, dead.source}].insert(dead.seq);
  }
  for (const Journaled& event : facts.result.journal) {
    if (event.again && facts.by_id.contains(event.id)) numbers[{event.epoch, event.lane}].insert(event.seq);
  }
  for (const Gap& gap : facts.result.gaps) {
    for (std::uint64_t seq = gap.first_seq; seq <= gap.last_seq; ++seq)
      numbers[{gap.epoch, gap.lane}].insert(seq);
  }
  return numbers;
}

void numbers_once(const Facts& facts, Violations& violations) {
  std::map<Place, const Landed*> places;
  for (const Landed* landed : facts.all) {
    const auto [there, first] = places.emplace(Place(landed->epoch, landed->source, landed->seq), landed);
    if (!first)
      violations.add("I6", "one number twice: " + name_of(*landed) + " and " + name_of(*there->second));
  }
}

void watermarks(const Facts& facts, Violations& violations) {
  std::map<LaneKey, std::set<std::uint64_t>> taken = explained(facts);
  std::map<LaneKey, std::map<std::uint64_t, std::string>> landed;
  for (const Landed* row : facts.all) {
    landed[{row->epoch, row->source}].emplace(row->seq, row->id);
    taken[{row->epoch, row->source}].insert(row->seq);
  }
  std::set<LaneKey> marked;
  for (const Watermark& mark : facts.result.watermarks) {
    const LaneKey lane(mark.epoch, mark.lane);
    marked.insert(lane);
    const std::set<std::uint64_t>& numbers = taken[lane];
    for (std::uint64_t seq = 1; seq <= mark.seq; ++seq) {
      if (numbers.contains(seq)) continue;
      violations.add("I6", "number " + std::to_string(seq) + " of " + name_of(lane) +
                               " is below the watermark " + std::to_string(mark.seq) + " and nowhere");
    }
    const auto& rows = landed[lane];
    if (!rows.empty() && rows.rbegin()->first > mark.seq) {
      violations.add("I6", "number " + std::to_string(rows.rbegin()->first) + " of " + name_of(lane) +
                               " is above the watermark " + std::to_string(mark.seq));
    }
    const auto there = rows.find(mark.seq);
    if (there != rows.end() && there->second != mark.event_id) {
      violations.add("I6",
                     "the watermark of " + name_of(lane) + " names another event than the row of its number");
    }
  }
  for (const auto& [lane, rows] : landed) {
    if (!rows.empty() && !marked.contains(lane))
      violations.add("I6", "rows without a watermark: " + name_of(lane));
  }
}

}  // namespace

void check_numbers(const Facts& facts, Violations& violations) {
  numbers_once(facts, violations);
  watermarks(facts, violations);
}

void check_journal(const Facts& facts, Violations& violations) {
  std::map<LaneKey, std::uint64_t> last, marks;
  for (const Watermark& mark : facts.result.watermarks) marks[{mark.epoch, mark.lane}] = mark.seq;
  for (const Journaled& event : facts.result.journal) {
    std::uint64_t& highest = last[{event.epoch, event.lane}];
    highest = std::max(highest, event.seq);
    const auto found = facts.by_id.find(event.id);
    if (found == facts.by_id.end()) {
      violations.add("I7", "in the journal and not delivered: " + event.id + " of " + event.lane);
      continue;
    }
    const Landed& landed = *found->second.front();
    if (landed.digest != event.digest)
      violations.add("I7", "the journal has other bytes: " + name_of(landed));
    const bool same_place =
        landed.epoch == event.epoch && landed.seq == event.seq && landed.source == event.lane;
    if (!same_place && !facts.was_dead(event.id)) {
      violations.add("I7",
                     "the journal has it as number " + std::to_string(event.seq) + ": " + name_of(landed));
    }
  }
  for (const auto& [lane, seq] : last) {
    if (marks[lane] != seq) {
      violations.add("I7", "the journal's last number of " + name_of(lane) + " is " + std::to_string(seq) +
                               ", the watermark " + std::to_string(marks[lane]));
    }
  }
}

void check_monotone(const Facts& facts, Violations& violations) {
  for (const WentBack& back : facts.result.went_back) {
    const bool logged =
        std::any_of(facts.result.faults.begin(), facts.result.faults.end(), [&](const Fault& fault) {
          return fault.loses_commits && back.at_us >= fault.begin_us && back.after_us <= fault.end_us;
        });
    if (!logged) {
      violations.add("I9", "the watermark of " + name_of(LaneKey(back.epoch, back.lane)) + " went from " +
                               std::to_string(back.from_seq) + " to " + std::to_string(back.to_seq));
    }
  }
}

}  // namespace hookspool::history
