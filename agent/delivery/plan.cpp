#include "agent/delivery/plan.h"

namespace hookspool::agent {
namespace {

using Action = Plan::Action;

std::string number(std::uint64_t seq) {
  return std::to_string(seq);
}

// PostgreSQL stands at `seq` (0 where it has no row) and was known to stand further.
Plan plan_behind(const PlanFacts& facts, std::uint64_t seq, bool create) {
  if (facts.rows_above_watermark) {
    return {
        Action::kHold, false, 0,
        "PostgreSQL's watermark stands at " + number(seq) + ", " + number(facts.confirmed.seq) +
            " were confirmed, and the table has rows above the watermark: the bookkeeping has been edited"};
  }
  if (facts.first_seq > seq + 1) {
    return {Action::kSkipGap, create, facts.first_seq - 1 - seq,
            "PostgreSQL lost committed events, and those from " + number(seq + 1) + " to " +
                number(facts.first_seq - 1) + " are no longer retained"};
  }
  const auto lost = facts.confirmed.seq - seq;
  return {Action::kGoBack, create, lost,
          "PostgreSQL lost " + number(lost) + " committed events (failover or restore); sending them again"};
}

Plan plan_from(const PlanFacts& facts, std::uint64_t seq, bool create) {
  if (facts.first_seq <= seq + 1) return {Action::kSend, create, 0, {}};
  return {Action::kSkipGap, create, facts.first_seq - 1 - seq,
          "the events from " + number(seq + 1) + " to " + number(facts.first_seq - 1) +
              " are neither in PostgreSQL nor in the journal"};
}

}  // namespace

bool needs_rows_above(const PlanFacts& facts) {
  if (!facts.watermark) return facts.confirmed.seq > 0;
  return facts.watermark->seq < facts.confirmed.seq;
}

Plan make_plan(const PlanFacts& facts) {
  if (!facts.watermark) {
    return facts.confirmed.seq > 0 ? plan_behind(facts, 0, true) : plan_from(facts, 0, true);
  }
  const Position& watermark = *facts.watermark;
  if (watermark.seq < facts.confirmed.seq) return plan_behind(facts, watermark.seq, false);
  if (watermark.seq > facts.last_seq) {
    return {Action::kReconcile, false, 0,
            "PostgreSQL has events up to " + number(watermark.seq) + " of this run, the journal only up to " +
                number(facts.last_seq) + ": this journal is an older copy, or a clone of it is running"};
  }
  const bool same_number = watermark.seq == facts.confirmed.seq;
  if (same_number && (watermark.seq == 0 || watermark.id == facts.confirmed.id)) {
    return plan_from(facts, watermark.seq, false);
  }
  if (!same_number && facts.own_id_at_watermark == watermark.id) return {Action::kMoveCursor, false, 0, {}};
  return {Action::kReconcile, false, 0,
          "PostgreSQL has another event at " + number(watermark.seq) +
              " of this run: a clone of this journal writes to the same database"};
}

}  // namespace hookspool::agent
