// I12: the numbers by which consumers read: each once, none left out, and the counter stands at the last.
#include <algorithm>
#include <map>
#include <set>

#include "tests/history/facts.h"

namespace hookspool::history {

void check_feeds(const Facts& facts, Violations& violations) {
  std::map<std::uint64_t, std::set<std::uint64_t>> numbers;
  for (const Numbered& row : facts.result.numbered) {
    if (row.feed == 0) {
      violations.add("I12", "no consumer will see " + row.id + ": it has no number");
    } else if (!numbers[row.feed].insert(row.arrival).second) {
      violations.add("I12", "number " + std::to_string(row.arrival) + " of feed " + std::to_string(row.feed) +
                                " is there twice, the second time as " + row.id);
    }
  }
  std::set<std::pair<std::string, std::string>> owners;
  for (const Feed& feed : facts.result.feeds) {
    const std::string name = "feed " + std::to_string(feed.feed) + " (" + feed.source + ")";
    if (!owners.emplace(feed.agent_id, feed.source).second)
      violations.add("I12", name + " is the second of its source");
    const auto& taken = numbers[feed.feed];
    const std::uint64_t last = taken.empty() ? 0 : *taken.rbegin();
    if (last != feed.arrival) {
      violations.add("I12", name + " counts " + std::to_string(feed.arrival) + " rows, and the last is " +
                                std::to_string(last));
    }
    if (taken.size() != last) {
      violations.add("I12", name + " has " + std::to_string(taken.size()) + " rows up to number " +
                                std::to_string(last));
    }
    numbers.erase(feed.feed);
  }
  for (const auto& [feed, taken] : numbers) {
    violations.add("I12", std::to_string(taken.size()) + " rows are of feed " + std::to_string(feed) +
                              ", which is not there");
  }
}

}  // namespace hookspool::history
