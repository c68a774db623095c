#include "tests/history/checker.h"

#include <algorithm>
#include <sstream>

#include "tests/history/facts.h"

namespace hookspool::history {
namespace {

void count(const Facts& facts, Verdict& verdict) {
  const Result& result = facts.result;
  for (const Send& send : result.sends) {
    verdict.sent += 1;
    verdict.acknowledged += send.outcome == Outcome::kOk ? 1u : 0u;
    verdict.refused += send.outcome == Outcome::kFail ? 1u : 0u;
    verdict.unanswered += send.outcome == Outcome::kUnknown ? 1u : 0u;
  }
  verdict.rows = result.rows.size();
  verdict.dead_letters = result.dead_letters.size();
  verdict.journaled = result.journal.size();
  verdict.watermarks = result.watermarks.size();
  for (const Landed& row : result.rows) verdict.put_back += facts.was_dead(row.id) ? 1u : 0u;
}

}  // namespace

bool Verdict::breaks(const std::string& invariant) const {
  return std::any_of(examples.begin(), examples.end(),
                     [&](const Violation& violation) { return violation.invariant == invariant; });
}

std::string Verdict::text() const {
  std::ostringstream out;
  out << "sent " << sent << ", acknowledged " << acknowledged << ", refused " << refused << ", unanswered "
      << unanswered << " (" << recovered << " of those two recovered); repeats " << repeats << " ("
      << repeated_in_another_life << " deliveries in another life); rows " << rows << " (" << put_back
      << " put back), dead letters " << dead_letters << ", still in the journal " << journaled
      << ", watermarks " << watermarks << "; violations " << violations;
  for (const Violation& violation : examples) out << "\n  " << violation.invariant << " " << violation.text;
  return out.str();
}

Verdict check(const Result& result) {
  const Facts facts(result);
  Verdict verdict;
  Violations violations(verdict);
  count(facts, verdict);
  check_acknowledged_once(facts, violations);
  check_others_at_most_once(facts, verdict, violations);
  check_nothing_else(facts, violations);
  check_content(facts, violations);
  check_order(facts, violations);
  check_numbers(facts, violations);
  check_journal(facts, violations);
  check_dead_letters(facts, violations);
  check_monotone(facts, violations);
  check_progress(facts, violations);
  check_repeats(facts, verdict, violations);
  check_feeds(facts, violations);
  return verdict;
}

}  // namespace hookspool::history
