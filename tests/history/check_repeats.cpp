// I11: one delivery is one event, however often it is sent: at the same time, later, and after the agent ended.
#include <algorithm>

#include "tests/history/facts.h"

namespace hookspool::history {
namespace {

// What an agent may have forgotten of deliveries between two moments, and says so itself.
bool may_have_forgotten(const Facts& facts, std::int64_t begin_us, std::int64_t end_us) {
  const auto meanwhile = [&](const auto& stretch) {
    return stretch.begin_us < end_us && stretch.end_us > begin_us;
  };
  const auto& faults = facts.result.faults;
  const auto& unindexed = facts.result.unindexed;
  return std::any_of(faults.begin(), faults.end(),
                     [&](const Fault& fault) { return fault.forgets_deliveries && meanwhile(fault); }) ||
         std::any_of(unindexed.begin(), unindexed.end(), meanwhile);
}

// Each answer names what the one before it named. What may have been forgotten counts since the event was taken: to
// recognise a repeat does not make its key any younger. Jumps of the clock excuse nothing.
void check_answers(const Facts& facts, std::vector<const Send*> sends, Violations& violations) {
  std::erase_if(sends, [](const Send* send) { return send->outcome != Outcome::kOk; });
  if (sends.empty()) return;
  std::sort(sends.begin(), sends.end(),
            [](const Send* a, const Send* b) { return a->answered_us < b->answered_us; });
  std::int64_t taken_us = sends.front()->sent_us;
  for (std::size_t i = 1; i < sends.size(); ++i) {
    const Send &before = *sends[i - 1], &send = *sends[i];
    const std::int64_t began_us = std::min(taken_us, send.sent_us);
    taken_us = send.id == before.id ? began_us : send.sent_us;
    if (send.id == before.id || may_have_forgotten(facts, began_us, send.answered_us)) continue;
    violations.add("I11", name_of(send) + " in life " + std::to_string(send.life) + " was answered with id " +
                              send.id + ", and " + name_of(before) + " in life " +
                              std::to_string(before.life) + " with " + before.id);
  }
}

void check_events(const Facts& facts, const std::vector<const Send*>& sends, Violations& violations) {
  const auto there = facts.ids_by_key.find(sends.front()->key());
  if (there == facts.ids_by_key.end() || there->second.size() < 2) return;
  std::int64_t begin_us = sends.front()->sent_us, end_us = begin_us;
  for (const Send* send : sends) {
    begin_us = std::min(begin_us, send->sent_us);
    end_us = std::max(end_us, send->answered_us);
  }
  if (may_have_forgotten(facts, begin_us, end_us)) return;
  std::string ids;
  for (const std::string& id : there->second) {
    const auto answered = facts.by_answered_id.find(id);
    ids += " " + id + (answered == facts.by_answered_id.end() ? " (no answer named it)" : "");
  }
  violations.add("I11", there->first + " became " + std::to_string(there->second.size()) + " events:" + ids);
}

}  // namespace

void check_repeats(const Facts& facts, Verdict& verdict, Violations& violations) {
  for (const auto& [key, sends] : facts.by_key) {
    if (sends.size() > 1) {
      verdict.repeats += sends.size() - 1;
      const auto other_life = [&](const Send* send) { return send->life != sends.front()->life; };
      if (std::any_of(sends.begin(), sends.end(), other_life)) ++verdict.repeated_in_another_life;
    }
    check_answers(facts, sends, violations);
    check_events(facts, sends, violations);
  }
}

}  // namespace hookspool::history
