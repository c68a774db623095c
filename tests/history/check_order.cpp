// I5: the order of each source.
#include <algorithm>
#include <map>
#include <set>

#include "tests/history/facts.h"

namespace hookspool::history {
namespace {

void order_of_requests(const Facts& facts, std::vector<const Send*> sends,
                       const std::vector<const Landed*>& landed, Violations& violations) {
  std::sort(sends.begin(), sends.end(), [](const Send* a, const Send* b) { return a->ordinal < b->ordinal; });
  std::unordered_map<std::string, std::vector<const Landed*>> unanswered;  // by key, those no answer named
  for (const Landed* row : landed) {
    if (!facts.by_answered_id.contains(row->id)) unanswered[row->key].push_back(row);
  }
  const Send* latest = nullptr;  // of those answered so far, the one with the greatest id
  const auto judge = [&](const Send& send, const std::string& id, const Send* before) {
    if (before == nullptr || id > before->id) return;
    violations.add("I5", name_of(send) + " has id " + id + ", below that of " + name_of(*before));
  };
  // A repeat is answered with the id of the event that is there already: not above what was answered since, but above
  // what had been answered when the delivery was sent first.
  std::unordered_map<std::string, const Send*> before_first;  // by key
  for (const Send* send : sends) {
    const Send* before = before_first.emplace(send->key(), latest).first->second;
    if (send->outcome == Outcome::kOk) {
      judge(*send, send->id, before);
      if (latest == nullptr || send->id > latest->id) latest = send;
      continue;
    }
    auto& rows = unanswered[send->key()];
    if (rows.empty()) continue;
    judge(*send, rows.front()->id, before);
    rows.erase(rows.begin());
  }
}

// In the order of ids: numbers grow within an epoch, and an epoch that was left does not come back.
void order_of_numbers(const Facts& facts, const std::vector<const Landed*>& landed, Violations& violations) {
  std::set<std::string> left;
  const Landed* before = nullptr;
  for (const Landed* row : landed) {
    if (facts.was_dead(row->id)) continue;
    if (before != nullptr && before->epoch != row->epoch) {
      left.insert(before->epoch);
      if (left.contains(row->epoch)) violations.add("I5", "its epoch had ended: " + name_of(*row));
    } else if (before != nullptr && row->seq <= before->seq) {
      violations.add("I5", "numbers and ids disagree: " + name_of(*row) + " after " + name_of(*before));
    }
    before = row;
  }
}

}  // namespace

// A request without an answer may be taken after later ones, but never before one that was answered before it.
void check_order(const Facts& facts, Violations& violations) {
  std::map<std::string, std::vector<const Landed*>> landed_by_source;
  for (const Landed* landed : facts.all) landed_by_source[landed->source].push_back(landed);
  for (const auto& [source, landed] : landed_by_source) {
    const auto sends = facts.by_source.find(source);
    if (sends == facts.by_source.end()) continue;
    if (sends->second.front()->in_order) order_of_requests(facts, sends->second, landed, violations);
    order_of_numbers(facts, landed, violations);
  }
}

}  // namespace hookspool::history
