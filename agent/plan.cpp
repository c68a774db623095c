#include "agent/plan.h"

namespace hookspool::agent {
namespace {

Plan hold(std::string reason) { return {Plan::Action::kHold, 0, std::move(reason)}; }

std::string number(std::uint64_t seq) { return std::to_string(seq); }

Plan plan_behind(const PlanFacts& facts, std::uint64_t seq) {
  if (facts.rows_above_watermark) {
    return hold("PostgreSQL's watermark stands at " + number(seq) + " but " + number(facts.confirmed.seq) +
                " were confirmed, and the events table has rows above the watermark: the bookkeeping was edited. "
                "Set the lane's row in the watermarks table to the highest seq of its rows in the events table");
  }
  if (facts.first_seq > seq + 1) {
    return hold("PostgreSQL lost what was committed above " + number(seq) + ", and the journal holds events only from " +
                number(facts.first_seq) + " on: those between are no longer retained. Restore them, or set the lane's "
                "row in the watermarks table to " + number(facts.first_seq - 1) + " to go on without them");
  }
  const auto lost = facts.confirmed.seq - seq;
  const std::string reason = "PostgreSQL lost " + number(lost) + " committed events (failover or restore); sending them again";
  return {facts.watermark ? Plan::Action::kGoBack : Plan::Action::kCreateThenSend, lost, reason};
}

}  // namespace

bool needs_rows_above(const PlanFacts& facts) {
  if (!facts.watermark) return facts.confirmed.seq > 0;
  return facts.watermark->seq < facts.confirmed.seq;
}

Plan make_plan(const PlanFacts& facts) {
  if (!facts.watermark) {
    if (facts.confirmed.seq > 0) return plan_behind(facts, 0);
    if (facts.first_seq > 1) {
      return hold("PostgreSQL has no watermark for this run and the journal holds it only from " +
                  number(facts.first_seq) + " on: a different or a restored database");
    }
    return {Plan::Action::kCreateThenSend, 0, {}};
  }
  const Position& watermark = *facts.watermark;
  if (watermark.seq < facts.confirmed.seq) return plan_behind(facts, watermark.seq);
  if (watermark.seq > facts.last_seq) {
    return hold("PostgreSQL has events up to " + number(watermark.seq) + " of this run, the journal only up to " +
                number(facts.last_seq) + ": this journal is an older copy of another one, or a clone of it is running");
  }
  if (watermark.seq == facts.confirmed.seq) {
    if (watermark.seq == 0 || watermark.id == facts.confirmed.id) return {Plan::Action::kSend, 0, {}};
  } else if (facts.own_id_at_watermark == watermark.id) {
    return {Plan::Action::kMoveCursor, 0, {}};
  }
  return hold("PostgreSQL has another event at " + number(watermark.seq) +
              " of this run: a clone of this journal is writing to the same database");
}

}  // namespace hookspool::agent
