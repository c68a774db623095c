// Holds what senders were answered against what is in the table: acknowledged means exactly one row with that id
// and those bytes, refused or unanswered at most one, in order within a source, numbers without a gap in an
// epoch. The four sets are those of Jepsen's total-queue: lost, unexpected, duplicated, recovered.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/integration/system/load.h"
#include "tests/support/pg_cluster.h"

namespace hookspool::testing {

struct Verdict {
  std::uint64_t sent = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t rows = 0;
  std::uint64_t recovered = 0;        // not acknowledged, and there once: allowed
  std::uint64_t lost = 0;             // acknowledged, and not there
  std::uint64_t doubled = 0;          // rows too many, of whatever was sent
  std::uint64_t unexpected = 0;       // rows that no client sent: altered on the way, or made up
  std::uint64_t misnamed = 0;         // acknowledged under another id than the row has
  std::uint64_t disordered = 0;       // a row before one that its source sent earlier
  std::uint64_t gaps = 0;             // numbers missing within (agent, epoch, source)
  std::vector<std::string> examples;  // a few of each kind, for a reader

  bool kept() const {
    return acknowledged > 0 && lost + doubled + unexpected + misnamed + disordered + gaps == 0;
  }
  std::string text() const;
};

// `where` limits the rows, e.g. "agent_id = 'a'".
Verdict check_history(const std::vector<SourceHistory>& histories, const PgCluster& postgres,
                      const std::string& where = "true", const std::string& schema = "hookspool");

}  // namespace hookspool::testing
