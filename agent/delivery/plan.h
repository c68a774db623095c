// Decides the next action of a lane from PostgreSQL's watermark and the journal's runs. Pure; thread-safe.
// PostgreSQL's watermark is the truth; the journal's own cursor is a hint (ARCHITECTURE.md, "The watermark").
#pragma once

#include <optional>
#include <string>

#include "storage/model/event.h"

namespace hookspool::agent {

// What is known before anything is sent. Numbers are those of one run: one lane within one epoch.
struct PlanFacts {
  std::optional<Position> watermark;  // PostgreSQL's, read under its row's lock; nothing: no such row
  Position confirmed;                 // the journal's cursor; seq 0: nothing confirmed
  std::uint64_t first_seq = 0;        // the oldest number that is retained
  std::uint64_t last_seq = 0;         // the newest that is durable
  std::optional<Uuid>
      own_id_at_watermark;            // the journal's id at watermark->seq, where it still holds that number
  bool rows_above_watermark = false;  // only looked up where it matters: watermark absent or behind
};

struct Plan {
  enum class Action {
    kSend,        // from watermark + 1
    kMoveCursor,  // PostgreSQL is ahead and right: believe it, send nothing twice
    kGoBack,      // PostgreSQL lost commits that were confirmed: send retained events again
    kSkipGap,     // what follows the watermark is not retained: record which numbers, go on after them
    kReconcile,  // the run's numbers are not ours alone (a clone, a rolled-back journal): send by id, not by number
    kHold,  // only an administrator can decide
  };
  Action action = Action::kHold;
  bool create = false;      // there is no watermark row yet: make it at number 0
  std::uint64_t count = 0;  // kGoBack: confirmed events that are sent again; kSkipGap: numbers left out
  std::string reason;       // for the log and /health; empty for what is normal
};

// Must `rows_above_watermark` be looked up before planning?
bool needs_rows_above(const PlanFacts& facts);
Plan make_plan(const PlanFacts& facts);

}  // namespace hookspool::agent
